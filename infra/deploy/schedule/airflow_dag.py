"""An Airflow DAG: anonymize every night, verify, and hand the auditor a copy of the table.

Needs apache-airflow-providers-cncf-kubernetes. The exit status 3 (objects stand as failed) does not fail the night:
their share is bounded by `--max-failures`, and the table names them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG

IMAGE = "registry.example.com/ray-anonymizer:0.1.0"
OUTPUT = "s3://photos-safe/lake"
MANIFEST = "s3://photos-manifest/lake"


def step(name: str, *arguments: str, hours: int) -> KubernetesPodOperator:
    """One pod of the image; one try more if its node is taken away."""
    return KubernetesPodOperator(
        task_id=name,
        image=IMAGE,
        arguments=list(arguments),
        service_account_name="anonymizer",
        container_resources={"requests": {"cpu": "8", "memory": "12Gi"}},
        retries=1,
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
        *("--consent", "s3://photos-consent/registry.csv", "--max-failures", "1%"),
        hours=8,
    )
    verify = step("verify", "verify", OUTPUT, "--manifest", MANIFEST, hours=4)
    publish = step("publish", "manifest", MANIFEST, "--public", "s3://photos-reports/lake.parquet", hours=1)
    run >> verify >> publish
