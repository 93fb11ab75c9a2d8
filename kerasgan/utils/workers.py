"""Several processes that train one model together under `tf.distribute.MultiWorkerMirroredStrategy`."""

import contextlib
import functools
from collections.abc import Iterator, Sequence

import tensorflow as tf

from kerasgan.utils import standstill


def are_several(strategy: tf.distribute.Strategy) -> bool:
    """Whether a strategy is one of several workers, processes that hold a copy of the model each."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and count(strategy) > 1


def count(strategy: tf.distribute.Strategy) -> int:
    """Return the number of workers, 1 of other strategies."""
    if strategy.cluster_resolver is None:
        return 1
    tasks = strategy.cluster_resolver.cluster_spec().as_dict()
    return max(1, sum(len(tasks.get(kind, ())) for kind in ("chief", "worker")))


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes: the chief, or the first worker where none is called so."""
    resolver = strategy.cluster_resolver
    if not are_several(strategy):
        return True
    kind, index = resolver.task_type, resolver.task_id
    return kind == "chief" or (kind == "worker" and index == 0 and "chief" not in resolver.cluster_spec().as_dict())


def of_the_chief(strategy: tf.distribute.Strategy, values: Sequence[float]) -> list[float]:
    """Return the chief's numbers on every worker; all workers call it with as many numbers."""
    return total(strategy, values if is_chief(strategy) else [0.0] * len(values))


def total(strategy: tf.distribute.Strategy, values: Sequence[float]) -> list[float]:
    """Return the sums of the workers' numbers, exact up to 2^53; all workers call it with as many numbers."""
    if not are_several(strategy):
        return list(values)
    added = _adder(strategy)(tf.constant(values, tf.float64))
    standstill.moved()
    return [float(value) for value in strategy.experimental_local_results(added)[0].numpy()]


@functools.lru_cache(maxsize=4)
def _adder(strategy):
    local = strategy.num_replicas_in_sync // count(strategy)

    def of_replica(own):
        replica = tf.distribute.get_replica_context()
        is_first = tf.equal(replica.replica_id_in_sync_group % local, 0)  # of the worker's
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.where(is_first, own, tf.zeros_like(own)))

    return tf.function(lambda own: strategy.run(of_replica, args=(own,)))


@contextlib.contextmanager
def together(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Let all workers end the block, or none: what one raises would leave the others waiting for it without end.

    Raises:
        RuntimeError: if another worker has raised an error in its block.
    """
    error = None
    try:
        yield
    except Exception as raised:
        error = raised
    [failed] = total(strategy, [0.0 if error is None else 1.0])
    if error is not None:
        raise error
    if failed:
        raise RuntimeError(f"{failed:.0f} of {count(strategy)} workers cannot go on; their own messages say why")
