"""Outputs that may not stand any more: which they are (`unsafe`), and how they are removed (`removals`)."""
