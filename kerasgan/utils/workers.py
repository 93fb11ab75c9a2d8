"""Several processes that train one model together under `tf.distribute.MultiWorkerMirroredStrategy`."""

from collections.abc import Sequence

import tensorflow as tf


def are_several(strategy: tf.distribute.Strategy) -> bool:
    """Whether a strategy is one of several workers, processes that hold a copy of the model each."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy) and count(strategy) > 1


def count(strategy: tf.distribute.Strategy) -> int:
    """Return the number of workers, 1 of other strategies."""
    spec = strategy.cluster_resolver and strategy.cluster_resolver.cluster_spec().as_dict()
    return sum(len(spec.get(kind, ())) for kind in ("chief", "worker")) or 1 if spec else 1


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes: the chief, or the first worker where none is called so."""
    resolver = strategy.cluster_resolver
    if not are_several(strategy):
        return True
    kind, index = resolver.task_type, resolver.task_id
    return kind == "chief" or (kind == "worker" and index == 0 and "chief" not in resolver.cluster_spec().as_dict())


def of_the_chief(strategy: tf.distribute.Strategy, values: Sequence[float]) -> list[float]:
    """Return the chief's values on every worker; all workers call it with as many numbers, which they lose."""
    own = tf.constant(values if is_chief(strategy) else [0.0] * len(values), tf.float64)

    @tf.function
    def shared():
        def of_replica():
            replica = tf.distribute.get_replica_context()
            first = tf.cast(tf.equal(replica.replica_id_in_sync_group, 0), tf.float64)  # one of the chief's
            return replica.all_reduce(tf.distribute.ReduceOp.SUM, own * first)

        return strategy.run(of_replica)

    return [float(value) for value in strategy.experimental_local_results(shared())[0].numpy()]
