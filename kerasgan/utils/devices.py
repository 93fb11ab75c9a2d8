"""The devices and the workers that the commands use."""

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator

import tensorflow as tf

from kerasgan.utils import rendezvous, standstill
from kerasgan.utils.messages import quoted
from kerasgan.utils.rendezvous import WorkerLost
from kerasgan.utils.tf_runtime import Strategy

LOST = (  # what TensorFlow raises on the workers that are left, and on one that wakes up again
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
    tf.errors.CancelledError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
)


@contextlib.contextmanager
def used(strategy: Strategy = Strategy.AUTO) -> Iterator[tf.distribute.Strategy]:
    """Give what spreads the work of a command; it must be entered before TensorFlow has computed anything.

    Where there are several workers, the process ends with status 75 if nothing moves for `standstill.PATIENCE` seconds
    in the block, see `standstill.moved`.

    Args:
        strategy: `ONE` device; `MIRRORED` on the devices of this machine; `MULTI_WORKER`, with the workers that
            `$TF_CONFIG` or Slurm tells of. `AUTO`: with several workers where they tell of such, else mirrored where
            this machine has several GPUs, else on one device. All but `AUTO` and `MULTI_WORKER` leave workers alone.

    Yields:
        `tf.distribute.Strategy`.

    Raises:
        ValueError: if `$TF_CONFIG` is no cluster of workers with this process among them, or the strategy asks for what
            is not there.
        OSError: if the port of this worker is taken.
        WorkerLost: if the workers do not come together, or one of them is lost in the block.
    """
    resolver = None
    if strategy in (Strategy.AUTO, Strategy.MULTI_WORKER):
        resolver = _cluster()
    if resolver is None and strategy is Strategy.MULTI_WORKER:
        raise ValueError(
            "strategy: expected several workers for multi_worker, told by TF_CONFIG or by srun; got none. Set "
            "TF_CONFIG on each, or leave --strategy out to stay on this machine"
        )
    if resolver is None or _size(resolver) == 1:
        yield _local(strategy)
        return
    cluster = resolver.cluster_spec().as_dict()
    places = [(kind, index) for kind in ("chief", "worker") for index in range(len(cluster.get(kind, ())))]
    addresses = [cluster[kind][index] for kind, index in places]
    place = places.index((resolver.task_type, resolver.task_id))
    if _of_this_machine() > 1 and not tf.config.get_visible_devices("GPU"):
        raise ValueError(
            "devices: expected one CPU, as a worker computes on its GPUs or on one CPU; got several. Start more workers"
        )
    rendezvous.meet(addresses, place)
    name = f"worker {place} of {len(places)}, {addresses[place]}"
    with standstill.ended(f"{name}: a worker hangs or cannot be reached; start all workers again"):
        try:
            with standstill.bounded():
                strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
            yield strategy
        except LOST as error:
            raise WorkerLost(
                f"{name}: a worker was lost or cannot be reached; start all workers again ({type(error).__name__})"
            ) from error


def _local(strategy):
    """What spreads work over devices of this machine."""
    count = _of_this_machine()
    if strategy is Strategy.MIRRORED and count < 2:
        raise ValueError(
            "strategy: expected at least two devices of this machine for mirrored; got one. Leave --strategy out, or "
            "name several with --devices, such as CPU:0,CPU:1"
        )
    if strategy is Strategy.ONE and count > 1:
        raise ValueError(f"strategy: expected one device for one; got {count}. Name it with --devices, such as GPU:0")
    return tf.distribute.MirroredStrategy() if count > 1 else tf.distribute.get_strategy()


def _of_this_machine():
    """How many devices this process computes on: its GPUs, else its CPUs."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    return len(tf.config.get_visible_devices("GPU")) or len(tf.config.get_logical_device_configuration(cpu) or [cpu])


def _cluster():
    """The resolver of the workers that `$TF_CONFIG` or Slurm tells of, or `None`."""
    if os.environ.get("TF_CONFIG"):
        _check(os.environ["TF_CONFIG"])
        return tf.distribute.cluster_resolver.TFConfigClusterResolver()
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:  # under srun, which starts a process for each task
        return slurm_cluster()
    return None


def _size(resolver):
    tasks = resolver.cluster_spec().as_dict()
    return sum(len(tasks.get(kind, ())) for kind in ("chief", "worker"))


def _check(text):
    """Raise `ValueError` unless a `$TF_CONFIG` is such: TensorFlow waits without end for what cannot come."""
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
    if here is None or not all(isinstance(address, str) and _has_port(address) for address in addresses):
        raise ValueError(f"{expected}; got {quoted(text)}")
    if len(set(addresses)) < len(addresses):
        raise ValueError(f"{expected}, each address once; got {quoted(text)}")


def _has_port(address):
    """Whether a text is "HOST:PORT", with a port that can be."""
    host, _, port = address.rpartition(":")
    return bool(host) and re.fullmatch("[0-9]{1,5}", port) is not None and 0 < int(port) < 2**16


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
