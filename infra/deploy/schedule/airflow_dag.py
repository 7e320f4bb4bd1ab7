"""An Airflow DAG: anonymize every night, verify the outputs, and write the public copy of the manifest.

Needs apache-airflow-providers-cncf-kubernetes. Every exit status but 0 fails the task and so the night: 3 when more
objects failed than `--max-failures` allows, 4 when `verify` finds something, 5 when an output that is no longer safe
is still there. The log of the pod ends with the status and its meaning, or with one line that says why the command did
not finish.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG
from kubernetes.client import models as k8s

IMAGE = "registry.example.com/ray-anonymizer:0.1.0"
OUTPUT = "s3://photos-safe/lake"
MANIFEST = "s3://photos-manifest/lake"
SIZE = {"cpu": "8", "memory": "12Gi"}
# Without a limit Ray sees every CPU of the node.
RESOURCES = k8s.V1ResourceRequirements(requests=SIZE, limits=SIZE)


def step(name: str, *arguments: str, hours: int, when: str = "all_success") -> KubernetesPodOperator:
    """One pod of the image; one try more, for its node may have been taken away."""
    return KubernetesPodOperator(
        task_id=name,
        image=IMAGE,
        arguments=list(arguments),
        service_account_name="anonymizer",
        container_resources=RESOURCES,
        retries=1,
        trigger_rule=when,
        execution_timeout=timedelta(hours=hours),
    )


with DAG(
    dag_id="anonymizer",
    schedule="17 1 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # Never two at once: the second would only find the lease held.
    max_active_runs=1,
):
    run = step(
        *("run", "run", "s3://photos-raw/lake", OUTPUT, "--manifest", MANIFEST),
        *("--consent", "s3://photos-consent/registry.csv", "--workers", "8", "--max-failures", "1%"),
        hours=8,
    )
    verify = step("verify", "verify", OUTPUT, "--manifest", MANIFEST, hours=4, when="all_done")
    publish = step("publish", "manifest", MANIFEST, "--public", "s3://photos-reports/lake.parquet", hours=1)
    # Both are last: a run that failed leaves `publish` undone, and the night counts as failed though `verify` is fine.
    run >> [verify, publish]
