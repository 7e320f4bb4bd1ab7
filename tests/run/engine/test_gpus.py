"""What workers ask for, and how many are asked for; none of it needs a GPU."""

import pytest

from anonymizer.config import EngineConfig, RunConfig, from_mapping
from anonymizer.errors import ConfigError
from anonymizer.run.engine.cluster import workers_in
from anonymizer.run.engine.slots import actor_options


@pytest.mark.parametrize(
    ("resources", "share", "expected"),
    [
        ({}, 0.0, 1),
        ({"CPU": 8.0}, 0.0, 8),
        ({"CPU": 8.0, "GPU": 1.0}, 0.0, 8),
        ({"CPU": 8.0}, 0.25, 1),
        ({"CPU": 8.0, "GPU": 1.0}, 0.25, 4),
        ({"CPU": 8.0, "GPU": 4.0}, 0.25, 8),
        ({"CPU": 8.0, "GPU": 2.0}, 0.4, 4),
        ({"CPU": 64.0, "GPU": 2.0}, 0.1, 20),
        ({"CPU": 64.0, "GPU": 3.0}, 1.0, 3),
    ],
)
def test_as_many_workers_as_the_cluster_has_room_for(resources, share, expected):
    assert workers_in(resources, share) == expected


def test_a_worker_asks_for_its_share():
    assert actor_options(EngineConfig(gpus_per_worker=0.25))["num_gpus"] == 0.25
    assert actor_options(EngineConfig())["num_gpus"] is None


def test_the_setting_is_a_share_of_one_gpu():
    assert from_mapping(RunConfig, {"engine": {"gpus_per_worker": "0.5"}}).engine.gpus_per_worker == 0.5
    for wrong in ("2", "-1", "nan"):
        with pytest.raises(ConfigError, match=r"engine\.gpus_per_worker"):
            from_mapping(RunConfig, {"engine": {"gpus_per_worker": wrong}})
