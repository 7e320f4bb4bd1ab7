"""Audit finished runs: `verify` checks the published files, `report` writes an HTML report."""
