"""Parquet files: written anew row group by row group, without statistics, indexes and dictionaries of pictures."""

from anonymizer.shards.tables.check import check
from anonymizer.shards.tables.rewrite import pictures, rewrite

__all__ = ["check", "pictures", "rewrite"]
