"""`--keys URI`: a few named objects to redo or to take down, or an inventory in place of the listing."""

from anonymizer.run.start.keylist.lookup import requested
from anonymizer.run.start.keylist.reading import read_keys
from anonymizer.run.start.keylist.requests import ACTIONS, Action, KeyList, KeyRequest, to_redo

__all__ = ["ACTIONS", "Action", "KeyList", "KeyRequest", "read_keys", "requested", "to_redo"]
