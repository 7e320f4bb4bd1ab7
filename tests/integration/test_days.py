"""Random days of a lake, a few of them; `make days` plays on."""

from __future__ import annotations

import functools

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from infra.proof.days.machine import Days
from infra.proof.days.places import Buckets

#: The same days every time, as many as take some seconds; to shorten what breaks them is for `make days`.
few = functools.partial(
    settings,
    derandomize=True,
    deadline=None,
    database=None,
    stateful_step_count=16,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_no_face_is_shown_without_consent_whatever_happens_between_and_in_runs():
    class DiskDays(Days):
        pass

    run_state_machine_as_test(DiskDays, settings=few(max_examples=20))
    assert DiskDays.played > 20


def test_no_version_of_an_object_shows_a_face_without_consent(s3_server):
    class BucketDays(Days):
        @staticmethod
        def places(folder):
            return Buckets(s3_server)

    run_state_machine_as_test(BucketDays, settings=few(max_examples=4))
    assert BucketDays.played > 4
