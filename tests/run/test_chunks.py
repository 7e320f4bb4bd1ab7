from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.records import NO_CONSENT, ImageRef, WorkItem
from anonymizer.run.chunks import Task, TaskQueue, as_chunk, chunk_id, group


def item(key: str, size: int = 1, etag: str = "v1") -> WorkItem:
    return WorkItem(ImageRef(key, f"file:///in/{key}", etag, size, None), NO_CONSENT, None)


def keys(task: Task | None) -> list[str]:
    return [] if task is None else [i.ref.key for i in task.items]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([1], [1]),
        ([1] * 4, [4]),
        ([1] * 5, [4, 1]),
        ([100], [1]),
        ([1, 100, 1], [1, 1, 1]),
        ([5, 5, 1], [2, 1]),
    ],
)
def test_groups_keep_to_both_limits(sizes, expected):
    items = [item(str(i), size) for i, size in enumerate(sizes)]
    assert [len(g) for g in group(items, max_keys=4, max_bytes=10)] == expected


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 9), st.integers(1, 60))
def test_groups_lose_nothing_and_keep_the_order(sizes, max_keys, max_bytes):
    items = [item(str(i), size) for i, size in enumerate(sizes)]
    groups = list(group(items, max_keys, max_bytes))
    assert [i for g in groups for i in g] == items
    assert all(len(g) <= max_keys for g in groups)
    assert all(len(g) == 1 or sum(i.ref.size for i in g) <= max_bytes for g in groups)


def test_chunks_become_smaller_towards_the_end():
    sizes = [len(g) for g in group([item(f"{i:03d}") for i in range(200)], max_keys=16, max_bytes=1000)]
    assert sizes[0] == 16
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-2] == 4


def test_no_more_than_a_few_chunks_are_drawn_ahead():
    items = (item(f"{i:04d}") for i in range(1000))
    first = next(group(items, max_keys=8, max_bytes=1000))
    assert len(first) == 8
    assert next(items).ref.key <= f"{8 * 8:04d}"


def test_chunk_ids_tell_keys_and_versions_apart():
    assert chunk_id([item("a"), item("b")]) == chunk_id([item("a"), item("b")])
    others = [[item("a")], [item("ab")], [item("b"), item("a")], [item("a"), item("b", etag="v2")]]
    assert len({chunk_id(items) for items in others}) == 4


def test_a_queue_without_anything_is_exhausted_once_it_was_asked():
    queue = TaskQueue(iter([]), poison_deaths=3)
    assert not queue.exhausted
    assert queue.take(idle=True) is None
    assert queue.exhausted


def test_every_dispatch_raises_the_attempt():
    queue = TaskQueue(iter([Task((item("a"),))]), poison_deaths=3)
    first = queue.take(idle=False)
    assert first is not None
    assert first.attempt == 1
    queue.put_back(first)
    again = queue.take(idle=False)
    assert again is not None
    assert again.attempt == 2


def test_a_suspect_is_split_and_waits_for_an_idle_worker():
    items = tuple(item(name) for name in "abc")
    queue = TaskQueue(iter([Task(items), Task((item("z"),))]), poison_deaths=3)
    suspect = queue.take(idle=True)
    assert suspect is not None
    assert queue.killed_worker(suspect) is None
    assert keys(queue.take(idle=False)) == ["z"]
    assert queue.take(idle=False) is None
    assert not queue.exhausted
    assert keys(queue.take(idle=True)) == ["a"]
    assert keys(queue.take(idle=True)) == ["b", "c"]
    assert queue.exhausted


def test_one_poison_image_is_isolated_and_the_others_survive():
    items = tuple(item(str(i)) for i in range(32))
    queue = TaskQueue(iter([Task(items)]), poison_deaths=3)
    done: list[str] = []
    poisoned: list[str] = []
    deaths = 0
    while not queue.exhausted:
        task = queue.take(idle=True)
        if task is None:
            continue
        if "13" not in keys(task):
            done += keys(task)
            continue
        deaths += 1
        given_up = queue.killed_worker(task)
        poisoned += keys(given_up)
    assert poisoned == ["13"]
    assert sorted(done, key=int) == [str(i) for i in range(32) if i != 13]
    assert deaths == 5 + 3  # log2(32) splits, then three deaths alone


def test_a_worker_with_two_chunks_gets_the_time_of_both():
    task = Task(tuple(item(str(i)) for i in range(10)), attempt=2)
    chunk = as_chunk(task, epoch=7, chunk_time_s=30, image_time_s=5)
    assert (chunk.attempt, chunk.epoch, chunk.time_s) == (2, 7, 100)
    assert as_chunk(replace(task, items=task.items[:1]), epoch=7, chunk_time_s=30, image_time_s=5).time_s == 30
