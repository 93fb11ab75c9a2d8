"""Work ahead in threads, and on several devices at once."""

import collections
import functools
from concurrent import futures

import numpy as np
import tensorflow as tf

from kerasgan.utils import workers


def ahead(items, depth: int = 2):
    """Yield what an iterable gives, made in a thread of its own up to `depth` items early.

    What it raises is raised here, where its item would have come.

    Args:
        items: any iterable; it is used from one thread at a time.
        depth: how many items may wait.
    """
    items, end = iter(items), object()
    with futures.ThreadPoolExecutor(1) as pool:
        waiting = collections.deque(pool.submit(next, items, end) for _ in range(depth))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(next, items, end))
            yield item


def spread(strategy, function):
    """Return what calls a function of rows on all replicas of a strategy, each with its part of the rows.

    Args:
        strategy: `tf.distribute.Strategy`. Of several workers each calls the function itself, with all rows.
        function: function of tensors [N, ...] to a structure of tensors [N, ...]; a row of them depends on that row
            alone.

    Returns:
        Function of arrays [N, ...] that returns the structure of NumPy arrays [N, ...], in the order of the rows.
    """
    replicas = 1 if workers.are_several(strategy) else strategy.num_replicas_in_sync

    def called(*arrays):
        if replicas == 1 or len(arrays[0]) < replicas:
            return tf.nest.map_structure(lambda value: value.numpy(), function(*arrays))
        shared = []
        for array in arrays:
            parts = [tf.constant(part) for part in np.array_split(array, replicas)]
            shared.append(
                strategy.experimental_distribute_values_from_function(
                    lambda context, parts=parts: parts[context.replica_id_in_sync_group]
                )
            )
        made = _everywhere(strategy, function)(*shared)
        return tf.nest.map_structure(
            lambda value: np.concatenate([one.numpy() for one in strategy.experimental_local_results(value)]), made
        )

    return called


@functools.lru_cache(maxsize=4)  # a model and a network are measured again and again, and traced once
def _everywhere(strategy, function):
    return tf.function(lambda *parts: strategy.run(function, args=parts), reduce_retracing=True)
