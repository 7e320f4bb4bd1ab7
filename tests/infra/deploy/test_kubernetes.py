"""The manifests of infra/deploy/kubernetes: right by KubeRay's schemas, consistent, and runnable as written."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from anonymizer.lake.storage import marked_id
from tests.fake_s3 import FakeS3
from tests.pictures import photo

REPOSITORY = Path(__file__).parents[3]
KUBERNETES = REPOSITORY / "infra/deploy/kubernetes"
SCHEMAS = REPOSITORY.parent / "shared/schemas"


def loaded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((KUBERNETES / name).read_text())
    return found


def schema_of(kind: str) -> dict[str, Any]:
    definition = yaml.safe_load((SCHEMAS / f"ray.io_{kind}.yaml").read_text())
    [version] = [v for v in definition["spec"]["versions"] if v["name"] == "v1"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def unknown(value: Any, schema: dict[str, Any], path: str = "") -> list[str]:
    """Fields that the API server would drop without a word."""
    if isinstance(value, list):
        return [name for item in value for name in unknown(item, schema.get("items", {}), f"{path}[]")]
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return []
    found = []
    for key, child in value.items():
        known = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        if known is None and path not in ("", ".metadata") and "properties" in schema:
            found.append(f"{path}.{key}")
        found += unknown(child, known if isinstance(known, dict) else {}, f"{path}.{key}")
    return found


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the schemas of KubeRay are not here")
@pytest.mark.parametrize(("name", "kind"), [("rayjob.yaml", "rayjobs"), ("raycronjob.yaml", "raycronjobs")])
def test_kuberay_takes_it(name, kind):
    schema, manifest = schema_of(kind), loaded(name)
    jsonschema.Draft7Validator(schema).validate(manifest)
    assert unknown(manifest, schema) == []
    # The check itself finds something.
    manifest["spec"]["shutdownAfterJobFinished"] = True
    assert unknown(manifest, schema) == [".spec.shutdownAfterJobFinished"]


def test_both_schedules_run_the_same_job():
    cron, ray_cron = loaded("cronjob.yaml")["spec"], loaded("raycronjob.yaml")["spec"]
    assert ray_cron["jobTemplate"] == loaded("rayjob.yaml")["spec"]
    assert (cron["schedule"], cron["timeZone"]) == (ray_cron["schedule"], ray_cron["timeZone"])
    assert cron["concurrencyPolicy"] == "Forbid"
    [generated] = loaded("kustomization.yaml")["configMapGenerator"]
    pod = cron["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["volumes"][0]["configMap"]["name"] == generated["name"]
    assert generated["files"] == ["rayjob.yaml"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not here")
def test_kustomize_puts_the_job_where_the_cron_job_looks_for_it(tmp_path):
    # kubectl writes to its HOME.
    command = ["kubectl", "kustomize", str(KUBERNETES)]
    built = subprocess.run(
        command, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    documents = list(yaml.safe_load_all(built.stdout))
    assert {document["metadata"]["namespace"] for document in documents} == {"anonymizer"}
    [generated] = [document for document in documents if document["kind"] == "ConfigMap"]
    assert yaml.safe_load(generated["data"]["rayjob.yaml"]) == loaded("rayjob.yaml")


def test_service_accounts_are_there_and_may_do_what_is_asked_of_them():
    documents = list(yaml.safe_load_all((KUBERNETES / "rbac.yaml").read_text()))
    accounts = {d["metadata"]["name"] for d in documents if d["kind"] == "ServiceAccount"}
    cron = loaded("cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    cluster = loaded("rayjob.yaml")["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    used = {cron["serviceAccountName"], *(g["template"]["spec"]["serviceAccountName"] for g in groups)}
    assert used <= accounts
    [role] = [d for d in documents if d["kind"] == "Role"]
    assert role["rules"] == [{"apiGroups": ["ray.io"], "resources": ["rayjobs"], "verbs": ["create", "get"]}]


def test_no_pod_runs_as_root_and_home_is_writable():
    spec = loaded("rayjob.yaml")["spec"]
    cluster = spec["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    templates = [cluster["headGroupSpec"]["template"], cluster["workerGroupSpecs"][0]["template"]]
    for pod in (spec["submitterPodTemplate"]["spec"], *(template["spec"] for template in templates)):
        [container] = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounts == {"home": "/home/anonymizer", "tmp": "/tmp"}
        assert all("emptyDir" in volume for volume in pod["volumes"])


KUBECTL = """#!/bin/sh
# Stands in for the API server and the operator: runs the entry point of the RayJob, on an embedded Ray.
case "$1" in
  create) [ "$3" = /etc/anonymizer/rayjob.yaml ] || exit 9
          echo "rayjob.ray.io/anonymizer-x1"
          if sh -c "$ENTRYPOINT" > "$NOTES/log" 2>&1; then echo SUCCEEDED; else echo FAILED; fi > "$NOTES/status" ;;
  get) echo "Complete $(cat "$NOTES/status")" ;;
esac
"""


@pytest.mark.parametrize("registry", ["key,status\na.png,granted\n", "no,such,columns\n"])
def test_the_cron_jobs_command_runs_as_written(tmp_path, s3_server: FakeS3, s3_client, registry):
    for bucket in ("photos-raw", "photos-safe", "photos-manifest", "photos-consent"):
        s3_client.create_bucket(Bucket=bucket)
    for key in ("a.png", "b.png"):
        s3_client.put_object(Bucket="photos-raw", Key=f"lake/{key}", Body=photo(1))
    s3_client.put_object(Bucket="photos-consent", Key="registry.csv", Body=registry.encode())
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    entrypoint = loaded("rayjob.yaml")["spec"]["entrypoint"]
    environ = {
        **os.environ,
        "AWS_ENDPOINT_URL": s3_server.endpoint_url,
        "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        # Two CPUs are here; an embedded Ray is told as many as there are workers. Nothing else differs.
        "ENTRYPOINT": f"{entrypoint} --workers 1 --address local",
        "NOTES": str(tmp_path),
        "POLL_S": "0",
    }
    [container] = loaded("cronjob.yaml")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    command = [*container["command"], *container["args"]]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    log = (tmp_path / "log").read_text()
    right = registry.startswith("key")
    assert (done.returncode == 0) is right, log
    listed = [entry["Key"] for entry in s3_client.list_objects_v2(Bucket="photos-safe").get("Contents", ())]
    photos = [key for key in listed if marked_id(key.removeprefix("lake/")) is None]
    assert photos == (["lake/a.png", "lake/b.png"] if right else [])
    assert ("exit status  0" in log) is right


def test_the_images_command_runs_as_written(tmp_path):
    lines = (REPOSITORY / "infra/deploy/docker/Dockerfile").read_text().splitlines()
    [entry] = [line.removeprefix("ENTRYPOINT ") for line in lines if line.startswith("ENTRYPOINT ")]
    [default] = [line.removeprefix("CMD ") for line in lines if line.startswith("CMD ")]
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = [*yaml.safe_load(entry), *yaml.safe_load(default)]
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert "usage: anonymizer" in shown.stdout
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(photo(1))
    line = f"run {tmp_path}/in {tmp_path}/out --workers 1 --address local"
    command = [*yaml.safe_load(entry), *shlex.split(line)]
    subprocess.run(command, env=environ, capture_output=True, check=True)
    assert (tmp_path / "out/a.png").exists()
