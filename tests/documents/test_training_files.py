"""The files of training/, against schemas and by what they make."""

import json
import os
import pathlib
import subprocess

import kubeflow_trainer_api.models
import kubernetes_validate
import pydantic
import pytest
import yaml

from kerasgan.utils import devices

TRAINING = pathlib.Path(__file__).parents[2] / "training"
KUBERNETES = sorted((TRAINING / "kubernetes").glob("*.yaml"))
DOCUMENTS = [document for path in KUBERNETES for document in yaml.safe_load_all(path.read_text())]
RUNTIME, TRAIN_JOB = (
    yaml.safe_load((TRAINING / "kubeflow" / f"{name}.yaml").read_text()) for name in ("runtime", "trainjob")
)


def of_kind(kind):
    [document] = [document for document in DOCUMENTS if document["kind"] == kind]
    return document


@pytest.mark.parametrize("version", ["1.30", "1.35"])
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["kind"])
def test_manifests_follow_the_schema_of_kubernetes(document, version):
    kubernetes_validate.validate(document, version, strict=True)


def test_names_and_numbers_fit_together():
    job, service = of_kind("Job"), of_kind("Service")
    pod = job["spec"]["template"]
    [container] = pod["spec"]["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert int(environment["WORKERS"]) == job["spec"]["completions"] == job["spec"]["parallelism"]
    assert environment["JOB"] == job["metadata"]["name"]
    assert environment["SERVICE"] == service["metadata"]["name"] == pod["spec"]["subdomain"]
    assert int(environment["PORT"]) == container["ports"][0]["containerPort"] == service["spec"]["ports"][0]["port"]
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
    claim = volumes["runs"]["persistentVolumeClaim"]["claimName"]
    assert claim == of_kind("PersistentVolumeClaim")["metadata"]["name"]
    assert volumes["config"]["configMap"]["name"] == of_kind("ConfigMap")["metadata"]["name"]
    [failing] = [rule for rule in job["spec"]["podFailurePolicy"]["rules"] if rule["action"] == "FailJob"]
    assert failing["onExitCodes"]["containerName"] == container["name"]
    assert not {75, 130} & set(failing["onExitCodes"]["values"])  # a lost worker and a stop may be tried again


def understood(kind, document):
    """What Kubeflow's own types make of a document: a field that they do not have is gone."""
    return kind.from_dict(document).to_dict()


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (kubeflow_trainer_api.models.TrainerV1alpha1TrainingRuntime, RUNTIME),
        (kubeflow_trainer_api.models.TrainerV1alpha1TrainJob, TRAIN_JOB),
    ],
    ids=["TrainingRuntime", "TrainJob"],
)
def test_manifests_follow_the_types_of_kubeflow_trainer(kind, document):
    assert understood(kind, document) == document
    wrong = document | {"spec": document["spec"] | {"replicas": 2}}
    assert understood(kind, wrong) != wrong
    with pytest.raises(pydantic.ValidationError):
        understood(kind, document | {"spec": document["spec"] | {"template": 2, "trainer": 2}})


@pytest.mark.parametrize("version", ["1.30", "1.35"])
def test_the_job_of_the_training_runtime_follows_the_schema_of_kubernetes(version):
    [replicated] = RUNTIME["spec"]["template"]["spec"]["replicatedJobs"]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "node"},
        "spec": replicated["template"]["spec"],
    }
    kubernetes_validate.validate(job, version, strict=True)


def test_the_train_job_fits_its_runtime_and_the_storage():
    [replicated] = RUNTIME["spec"]["template"]["spec"]["replicatedJobs"]
    labels = replicated["template"]["metadata"]["labels"]
    assert labels == {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}  # which numNodes and trainer are for
    job = replicated["template"]["spec"]
    pod = job["template"]["spec"]
    [container] = pod["containers"]
    trainer = TRAIN_JOB["spec"]["trainer"]
    given = {entry["name"]: entry["value"] for entry in trainer["env"]}
    assert int(given["WORKERS"]) == trainer["numNodes"]
    assert TRAIN_JOB["spec"]["runtimeRef"]["name"] == RUNTIME["metadata"]["name"]
    assert TRAIN_JOB["spec"]["runtimeRef"]["kind"] == RUNTIME["kind"]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    # pods are called <JobSet>-<replicated job>-<its index>-<pod's index>, a JobSet as its TrainJob
    assert environment["JOB"] == f"$(SERVICE)-{replicated['name']}-0" and replicated["replicas"] == 1
    assert list(environment).index("SERVICE") < list(environment).index("JOB")
    assert int(environment["PORT"]) == container["ports"][0]["containerPort"]
    assert {"WORKERS", "JOB", "SERVICE", "PORT"} <= set(given) | set(environment)
    assert given["RUN"].startswith("/runs/") and "$(RUN)" in trainer["args"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["runs"]["persistentVolumeClaim"]["claimName"] == of_kind("PersistentVolumeClaim")["metadata"]["name"]
    assert volumes["config"]["configMap"]["name"] == of_kind("ConfigMap")["metadata"]["name"]
    [failing] = job["podFailurePolicy"]["rules"]
    assert failing["onExitCodes"]["containerName"] == container["name"]
    assert not {75, 130} & set(failing["onExitCodes"]["values"])
    [rule] = RUNTIME["spec"]["template"]["spec"]["failurePolicy"]["rules"]
    assert (rule["action"], rule["onJobFailureReasons"]) == ("FailJobSet", ["PodFailurePolicy"])


@pytest.mark.parametrize(("count", "index"), [(2, 0), (12, 11)])
def test_the_script_of_a_pod_makes_its_tf_config(tmp_path, monkeypatch, count, index):
    (tmp_path / "worker.sh").write_text(of_kind("ConfigMap")["data"]["worker.sh"])
    (tmp_path / "kerasgan").write_text('#!/bin/sh\nprintf "%s\\n" "$TF_CONFIG" "$@"\n')
    (tmp_path / "kerasgan").chmod(0o755)
    given = {"WORKERS": str(count), "JOB": "job", "SERVICE": "service", "PORT": "2222"}
    path = f"{tmp_path}:{os.environ['PATH']}"
    told = subprocess.run(
        ["sh", tmp_path / "worker.sh", "train", "a recipe"],
        env={**given, "JOB_COMPLETION_INDEX": str(index), "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    config, *arguments = told.stdout.splitlines()
    assert arguments == ["train", "a recipe"]
    assert json.loads(config) == {
        "cluster": {"worker": [f"job-{number}.service:2222" for number in range(count)]},
        "task": {"type": "worker", "index": index},
    }
    monkeypatch.setenv("TF_CONFIG", config)
    assert devices._size(devices._cluster()) == count


def test_the_script_for_slurm_is_one():
    subprocess.run(["sh", "-n", TRAINING / "slurm.sh"], check=True)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Put a `scontrol` in the path that lists nodes as Slurm does, in the order of their tasks."""
    (tmp_path / "scontrol").write_text("#!/bin/sh\ntest \"$3\" = 'node[2,10]' && printf 'node2\\nnode10\\n'\n")
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_STEP_NODELIST", "node[2,10]")
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "2,1")
    monkeypatch.setenv("SLURM_PROCID", "2")


def test_slurms_tasks_are_workers_in_slurms_order(slurm, monkeypatch):
    resolver = devices.slurm_cluster()
    assert resolver.cluster_spec().as_dict() == {"worker": ["node2:8888", "node2:8889", "node10:8888"]}
    assert (resolver.task_type, resolver.task_id) == ("worker", 2)
    monkeypatch.setenv("SLURM_STEP_NODELIST", "other")
    with pytest.raises(RuntimeError, match="`scontrol show hostnames other` does not tell the nodes of this step"):
        devices.slurm_cluster()


@pytest.mark.parametrize(("text", "counts"), [("1(x3)", [1, 1, 1]), ("2", [2]), ("2(x2),1,4(x2)", [2, 2, 1, 4, 4])])
def test_slurms_short_form(text, counts):
    assert devices._tasks_per_node(text) == counts
