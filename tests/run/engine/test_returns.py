"""What becomes of a chunk that was sent, without Ray."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from anonymizer.errors import OutputLost, RunError, StorageUnavailable
from anonymizer.records import NO_CONSENT, ImageRef, WorkItem
from anonymizer.run.chunks import Task, TaskQueue
from anonymizer.run.engine.returns import Returns

ATTEMPTS = 2


def task(*keys):
    return Task(tuple(WorkItem(ImageRef(key, "", "v", 1, None), NO_CONSENT, None) for key in keys))


class Told:
    """A sink that says what it was told."""

    def __init__(self):
        self.poisoned, self.again = [], ()

    def committed(self, _task, _result):
        return self.again

    def poison(self, task):
        self.poisoned.append(task)

    def refresh(self, task):
        return replace(task, items=tuple(item for item in task.items if item.ref.key != "published"))


@pytest.fixture
def sink():
    return Told()


@pytest.fixture
def queue():
    return TaskQueue(iter(()), ATTEMPTS)


@pytest.fixture
def returns(queue, sink):
    metrics = SimpleNamespace(committed=lambda _: None, lost=lambda _: None)
    return Returns(queue, sink, cast("Any", metrics), ATTEMPTS)


def taken(queue, *, idle=True):
    return [item.ref.key for item in found.items] if (found := queue.take(idle=idle)) is not None else None


def failed(cause):
    return cast("Any", SimpleNamespace(cause=cause))


def test_what_a_result_leaves_undone_is_sent_again(returns, queue, sink):
    sink.again = (task("b"),)
    returns.committed(task("a", "b"), cast("Any", None))
    assert taken(queue) == ["b"]


def test_rows_that_cannot_be_written_are_tried_again_and_then_end_the_run(returns, queue):
    returns.not_committed(task("a"), failed(StorageUnavailable()))
    again = queue.take(idle=True)
    assert again.errors == 1
    with pytest.raises(RunError, match="rows of the manifest could not be written"):
        returns.not_committed(again, failed(StorageUnavailable()))


def test_a_worker_without_output_ends_the_run(returns):
    with pytest.raises(OutputLost, match="is it mounted"):
        returns.not_committed(task("a"), failed(OutputLost("is it mounted?")))


def test_what_was_lost_without_suspicion_is_sent_again_as_it_was(returns, queue):
    returns.lost(task("a", "published", "b"), suspect=False)
    assert taken(queue, idle=False) == ["a", "b"]


def test_a_suspect_is_split_runs_alone_and_is_poison_in_the_end(returns, queue, sink):
    returns.lost(task("a", "b"), suspect=True)
    assert taken(queue, idle=False) is None
    suspect = queue.take(idle=True)
    for _ in range(ATTEMPTS - 1):
        returns.lost(suspect, suspect=True)
        assert taken(queue) == ["b"]
        suspect = queue.take(idle=True)
    returns.lost(suspect, suspect=True)
    assert [[item.ref.key for item in given_up.items] for given_up in sink.poisoned] == [["a"]]


def test_nothing_is_sent_again_of_what_had_been_published(returns, queue):
    returns.lost(task("published"), suspect=True)
    assert taken(queue) is None
