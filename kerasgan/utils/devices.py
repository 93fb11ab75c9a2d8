"""The devices and the workers that the commands use."""

import json
import os
import re
import subprocess

import tensorflow as tf

from kerasgan.utils.messages import quoted


def all_gpus():
    """Return the strategy of all GPUs of the machine where there are several, else that of the one device."""
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def all_workers():
    """Return the strategy of all workers that `$TF_CONFIG` or Slurm tells of, else `all_gpus`.

    It must be made before TensorFlow has computed anything.

    Raises:
        ValueError: if `$TF_CONFIG` is no cluster of workers with this process among them.
    """
    if os.environ.get("TF_CONFIG"):
        if _count(os.environ["TF_CONFIG"]) > 1:
            return tf.distribute.MultiWorkerMirroredStrategy()
    elif int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:  # under srun, which starts a process for each task
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=slurm_cluster())
    return all_gpus()


def _count(text):
    """How many workers a `$TF_CONFIG` has, checked: TensorFlow waits without end for what cannot come."""
    expected = (
        'TF_CONFIG: expected JSON such as {"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, '
        '"task": {"type": "worker", "index": 0}}'
    )
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        kind, index = task["type"], task["index"]
        here = cluster[kind][index] if isinstance(index, int) and index >= 0 else None
        addresses = [address for kind in ("chief", "worker") for address in cluster.get(kind, [])]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"{expected}; got {quoted(text)} ({type(error).__name__}: {error})") from None
    others = set(cluster) - {"chief", "worker", "evaluator"}
    if others or kind not in ("chief", "worker"):
        raise ValueError(f"{expected}, with tasks of the types chief and worker; got {quoted(text)}")
    if here is None or not all(isinstance(address, str) and ":" in address for address in addresses):
        raise ValueError(f"{expected}; got {quoted(text)}")
    if len(set(addresses)) < len(addresses):
        raise ValueError(f"{expected}, each address once; got {quoted(text)}")
    return len(addresses)


def slurm_cluster(port: int = 8888):
    """Return the workers of a Slurm job step, a `tf.distribute.cluster_resolver.ClusterResolver`.

    TensorFlow's own `SlurmClusterResolver` divides by the number of GPUs, also where there is none, and takes nodes in
    the order of their names: node10 before node2, where Slurm counts its tasks the other way round.

    Args:
        port: of a node's first worker; the next ones have the ports after it.

    Raises:
        RuntimeError: if Slurm does not tell the nodes.
    """
    asked = ["scontrol", "show", "hostnames", os.environ["SLURM_STEP_NODELIST"]]
    try:
        hosts = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    except (OSError, subprocess.SubprocessError) as error:
        raise RuntimeError(f"Slurm: `{' '.join(asked)}` does not tell the nodes of this step ({error})") from error
    tasks = _tasks_per_node(os.environ["SLURM_STEP_TASKS_PER_NODE"])
    addresses = [f"{host}:{port + task}" for host, count in zip(hosts, tasks, strict=True) for task in range(count)]
    return tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": addresses}), task_type="worker", task_id=int(os.environ["SLURM_PROCID"])
    )


def _tasks_per_node(text):
    """Numbers of Slurm's short form: "2(x3),1" is 2, 2, 2, 1."""
    counts = []
    for count, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", text):
        counts += [int(count)] * int(times or 1)
    return counts
