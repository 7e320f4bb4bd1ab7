from datetime import UTC, datetime

import pytest

from anonymizer.errors import ConfigError
from anonymizer.run.start.keylist import KeyRequest
from tests.run.start.keylist.lists import keys


def test_one_request_per_key_in_byte_order_and_the_graver_action_wins():
    found = keys("key,action\nb,redo\né,check\na,\nb,remove\nb,check\n")
    assert found == [KeyRequest("a", "redo"), KeyRequest("b", "remove"), KeyRequest("é", "check")]


def test_a_line_with_size_and_etag_stands_for_a_listing():
    text = 'key,size,etag,last_modified\na,7,"""e1""",2026-01-02T03:04:05Z\nb,,x,\n'
    listed = KeyRequest("a", "check", "e1", 7, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert keys(text) == [listed, KeyRequest("b", "redo", "x")]


def test_json_lines_and_nothing():
    assert keys('{"key": "a", "action": "remove"}\n', "keys.jsonl") == [KeyRequest("a", "remove")]
    assert keys("key\n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("name\na\n", "column 1 is unknown"),
        ('key\na\n""\n', "row 2: the key is empty"),
        ("key,action\na,redo\nb,delete\n", "row 2: action: not one of remove, redo, check"),
        ("key,size\na,many\n", "row 1: size is not a number of bytes"),
        ("key,last_modified\na,1 May\n", "row 1: last_modified is not a time"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(text, message):
    with pytest.raises(ConfigError, match=message):
        keys(text)
