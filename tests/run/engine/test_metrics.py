"""What Prometheus reads from Ray is what the workers have committed."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from pathlib import Path

import pytest
import ray

from tests.integration.test_engine import run

pytestmark = pytest.mark.usefixtures("cluster")

REPOSITORY = Path(__file__).parents[3]


def exported() -> dict[str, float]:
    """Values of our metrics, summed over their tags, as Prometheus would read them."""
    node = ray.nodes()[0]
    url = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    with urllib.request.urlopen(url) as answer:
        text = answer.read().decode()
    found: dict[str, float] = {}
    for name, value in re.findall(r"^(ray_anonymizer_\w+)\{.*\} ([0-9.e+-]+)$", text, re.MULTILINE):
        found[name] = found.get(name, 0.0) + float(value)
    return found


def dashboard_names() -> set[str]:
    dashboard = json.loads((REPOSITORY / "infra/deploy/monitoring/grafana-dashboard.json").read_text())
    targets = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return set(re.findall(r"ray_anonymizer_\w+", " ".join(targets)))


def test_prometheus_sees_a_run_and_the_dashboard_asks_for_what_there_is(tmp_path):
    before = exported().get("ray_anonymizer_images_total", 0.0)
    run(tmp_path, *[[f"{i}-{j}" for j in range(5)] for i in range(8)])
    while exported().get("ray_anonymizer_images_total", 0.0) < before + 40:
        time.sleep(0.2)  # Ray hands them on now and then.
    alerts = (REPOSITORY / "infra/deploy/monitoring/alerts.yaml").read_text()
    asked = dashboard_names() | set(re.findall(r"ray_anonymizer_\w+", alerts))
    source = (REPOSITORY / "anonymizer/run/engine/metrics.py").read_text()
    counters = {f"ray_{name}_total" for name in re.findall(r'Counter\("(\w+)"', source)}
    gauges = {f"ray_{name}" for name in re.findall(r'Gauge\("(\w+)"', source)}
    assert asked == counters | gauges
