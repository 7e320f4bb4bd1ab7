"""Reads the list of `--keys URI`: objects to process again or to take down, or an inventory instead of a listing."""

from anonymizer.run.start.keylist.lookup import requested
from anonymizer.run.start.keylist.reading import read_keys
from anonymizer.run.start.keylist.requests import ACTIONS, Action, KeyList, KeyRequest, to_redo

__all__ = ["ACTIONS", "Action", "KeyList", "KeyRequest", "read_keys", "requested", "to_redo"]
