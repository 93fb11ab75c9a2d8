"""Several processes that train one model together under `tf.distribute.MultiWorkerMirroredStrategy`."""

import contextlib
import functools
import hashlib
import math
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from kerasgan.utils import standstill

_PIECE = 2**24  # numbers that are gathered at once


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
    return _place(strategy) == 0


def _place(strategy):
    """The number of this worker, the chief's being 0."""
    resolver = strategy.cluster_resolver
    if not are_several(strategy):
        return 0
    return resolver.task_id + (resolver.task_type == "worker") * len(resolver.cluster_spec().as_dict().get("chief", ()))


def of_the_chief(strategy: tf.distribute.Strategy, values: Sequence[float]) -> list[float]:
    """Return the chief's numbers on every worker; all workers call it with as many numbers."""
    return total(strategy, values if is_chief(strategy) else [0.0] * len(values))


def total(strategy: tf.distribute.Strategy, values: Sequence[float]) -> list[float]:
    """Return the sums of the workers' numbers, exact up to 2^53; all workers call it with as many numbers."""
    if not are_several(strategy):
        return list(values)
    return summed(strategy, np.array(values, np.float64)).tolist()


def summed(strategy: tf.distribute.Strategy, own: np.ndarray) -> np.ndarray:
    """Return the sum of the workers' arrays, of a floating type; all workers call it with the same shape and type."""
    if not are_several(strategy):
        return own
    added = _adder(strategy)(tf.constant(own))
    standstill.moved()
    return strategy.experimental_local_results(added)[0].numpy()


def others(strategy: tf.distribute.Strategy, text: str) -> int:
    """Return how many workers call it with another text than the chief; all workers call it."""
    own = float(int(hashlib.sha256(text.encode()).hexdigest()[:12], 16))  # below 2^53
    [chiefs] = of_the_chief(strategy, [own])
    return int(total(strategy, [float(own != chiefs)])[0])


def share(strategy: tf.distribute.Strategy, n: int) -> slice:
    """Return which of `n` rows are this worker's; all of them without others. The workers' rows follow each other.

    Example:
        Of 10 rows the first of three workers has 0 to 2, the second 3 to 5, the third 6 to 9.
    """
    several = count(strategy)
    place = _place(strategy)
    return slice(n * place // several, n * (place + 1) // several)


def gathered(strategy: tf.distribute.Strategy, own: np.ndarray, rows: slice, n: int) -> np.ndarray:
    """Return the rows of all workers, on each of them.

    Args:
        strategy: of the workers.
        own: numbers [rows, ...] of this worker, of a floating type, or integers below 2^53.
        rows: which of all rows they are; the workers' do not overlap.
        n: rows in all.

    Returns:
        Numbers [n, ...], exactly those of the workers, of the type of `own`.
    """
    if not are_several(strategy):
        return own
    # half precision holds bytes exactly, and a sum with zeros changes nothing
    dtype = own.dtype if own.dtype.kind == "f" else np.float16 if own.dtype == np.uint8 else np.float64
    together = np.zeros((n, *own.shape[1:]), own.dtype)
    together[rows] = own
    size = max(1, _PIECE // max(1, math.prod(own.shape[1:])))
    for first in range(0, n, size):
        piece = slice(first, first + size)
        together[piece] = summed(strategy, together[piece].astype(dtype))
    return together


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
