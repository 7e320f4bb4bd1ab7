"""Labels, draws and folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.errors import UsageError
from anonymizer.lab.privacy import people
from anonymizer.lab.privacy.attack import People
from anonymizer.lab.privacy.people import Labelled


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_are_read(tmp_path):
    path = written(tmp_path, "\ufeffimage,pose,identity\na/1.jpg,left,Ann\na/2.jpg,,Ann\n")
    assert people.read_labels(path) == (Labelled("a/1.jpg", "Ann"), Labelled("a/2.jpg", "Ann"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns image and identity"),
        ("image,name\na,b\n", "columns image and identity"),
        ("image,identity\na.jpg,\n", "empty in row 2"),
        ("image,identity\na.jpg\n", "empty in row 2"),
        ("image,identity\na.jpg,x\n,x\n", "empty in row 3"),
        ("image,identity\n/etc/a.jpg,x\n", "leads out of RAW"),
        ("image,identity\n../a.jpg,x\n", "leads out of RAW"),
        ("image,identity\na.jpg,x\na.jpg,y\n", "named twice"),
    ],
)
def test_labels_that_cannot_be_used_are_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(UsageError, match=said) as refused:
        people.read_labels(written(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_labels_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(UsageError, match="no readable CSV"):
        people.read_labels(tmp_path / "missing.csv")


def rows(**counts: int) -> list[Labelled]:
    return [Labelled(f"{name}/{index}.jpg", name) for name, count in counts.items() for index in range(count)]


def test_only_people_with_two_photos_are_attacked_and_nobody_outweighs_the_others():
    drawn = people.drawn(rows(ann=1, bob=2, eve=9, zoe=3), most_photos=4, most_people=None, seed=1)
    assert [row.identity for row in drawn] == ["bob"] * 2 + ["eve"] * 4 + ["zoe"] * 3
    assert len(set(drawn)) == len(drawn)


def test_draws_do_not_depend_on_the_order_of_the_labels():
    labels = rows(bob=5, eve=9, zoe=3)
    assert people.drawn(labels, 3, 2, 7) == people.drawn(labels[::-1], 3, 2, 7)
    assert people.drawn(labels, 3, None, 7) != people.drawn(labels, 3, None, 8)


def test_so_many_people_are_drawn():
    drawn = people.drawn(rows(**{f"p{index}": 2 for index in range(30)}), 6, 12, 3)
    assert len({row.identity for row in drawn}) == 12


@given(count=st.integers(6, 60), fold_count=st.integers(2, 5), seed=st.integers(0, 99))
def test_everybody_is_in_one_fold_and_folds_are_alike_in_size(count, fold_count, seed):
    if count < 3 * fold_count:
        with pytest.raises(UsageError, match=f"{fold_count} folds need"):
            people.folds(count, fold_count, seed)
        return
    sizes = np.bincount(people.folds(count, fold_count, seed), minlength=fold_count)
    assert sizes.sum() == count
    assert sizes.max() - sizes.min() <= 1


@given(counts=st.lists(st.integers(2, 6), min_size=6, max_size=20), seed=st.integers(0, 99))
def test_nobody_is_attacked_by_an_attacker_who_learned_from_them(counts, seed):
    person = np.repeat(np.arange(len(counts)), counts)
    folds = People(person, people.folds(len(counts), 2, seed)).folds()
    probes = np.concatenate([fold.probe for fold in folds])
    galleries = np.concatenate([fold.gallery for fold in folds])
    assert sorted(np.concatenate([probes, galleries])) == list(range(len(person)))  # Everybody, once.
    assert sorted(person[galleries]) == list(range(len(counts)))
    for fold in folds:
        attacked = set(person[fold.probe]) | set(person[fold.gallery])
        assert attacked.isdisjoint(person[fold.training])
        assert set(person[fold.probe]) == set(person[fold.gallery])
        assert set(fold.probe).isdisjoint(fold.gallery)
        assert len(fold.training) + len(fold.probe) + len(fold.gallery) == len(person)
