"""Experiments that use the library: what anonymization costs a classifier (`utility`), what it protects (`privacy`)."""
