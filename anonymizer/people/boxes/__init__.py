"""Face boxes given from outside (`--boxes`): read them, look them up by key, check them against a picture."""

from anonymizer.people.boxes.earlier import ANSWERS, FACE_COLUMNS, from_manifest
from anonymizer.people.boxes.placing import placed
from anonymizer.people.boxes.reader import FILE_ENDINGS, read_boxes
from anonymizer.people.boxes.suspects import SuspectList, with_suspects
from anonymizer.people.boxes.table import BoxTable

__all__ = [
    "ANSWERS",
    "FACE_COLUMNS",
    "FILE_ENDINGS",
    "BoxTable",
    "SuspectList",
    "from_manifest",
    "placed",
    "read_boxes",
    "with_suspects",
]
