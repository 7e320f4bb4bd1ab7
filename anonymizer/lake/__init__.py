"""Accesses the lake: storage and keys (`storage`, `naming`, `identity`), manifest and lease (`manifest`, `lease`)."""
