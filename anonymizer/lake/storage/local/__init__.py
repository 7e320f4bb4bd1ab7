"""A folder on a disk, reached without following links, with a lock where two writers meet."""
