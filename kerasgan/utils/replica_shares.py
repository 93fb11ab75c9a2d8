"""How replicas, and the parts for which gradients are accumulated, share the rows of a batch."""

import contextlib
import threading

import keras
import numpy as np
import tensorflow as tf
from keras import ops

_CURRENT = threading.local()  # each replica's step is built in a thread of its own


def place(rows):
    """Return where this replica's rows lie in the batch of all: (rows of the replicas before it, rows of all).

    Args:
        rows: rows on this replica, an integer or an int32 scalar; replicas may have different numbers of them.
    """
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        return 0, rows
    own = replica.replica_id_in_sync_group
    mine = tf.one_hot(own, replica.num_replicas_in_sync) * tf.cast(rows, tf.float32)
    counts = tf.cast(tf.round(replica.all_reduce(tf.distribute.ReduceOp.SUM, mine)), tf.int32)
    return tf.reduce_sum(counts[:own]), tf.reduce_sum(counts)


def of_all_replicas(rows):
    """Return the rows [N, ...] of all replicas, one after the other; gradients go through it."""
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return rows
    return replica.all_gather(rows, axis=0)


def minibatches(images, count, parts=1):
    """Yield the rows of `count` minibatches on this replica, and their places: pairs of a slice and (first row, rows).

    Rows k, k + count, ... of the batch of all replicas form minibatch k, however the replicas share them; rows that do
    not fill all minibatches are left out.

    Args:
        images: this replica's part of the batch, [N, ...].
        count: minibatches.
        parts: how many rows each minibatch has at least on each replica.

    Raises:
        ValueError: if there are fewer rows than that, where the number of rows is known before they come; else
            `tf.errors.InvalidArgumentError` when they come.
    """
    rows = ops.shape(images)[0]
    before, total = place(rows)
    used = total // count * count
    end = used if isinstance(before, int) else tf.clip_by_value(used - before, 0, rows)
    message = f"training data: expected at least {count * parts} rows on each replica, {parts} a minibatch; got"
    if isinstance(end, int):
        if end < count * parts:
            raise ValueError(f"{message} {rows}")
        enough = []
    else:
        enough = [tf.debugging.Assert(end >= count * parts, [message, end])]
    with tf.control_dependencies(enough):
        end = tf.identity(end) if enough else end
    for k in range(count):
        yield slice((k - before) % count, end, count), ((before - k + count - 1) // count, total // count)


def among_replicas(dataset, strategy, minibatches):
    """Return a `tf.distribute.DistributedDataset` that divides each batch of a dataset evenly among the replicas.

    TensorFlow's own division gives each replica the rows of a whole batch's share in turn, so that of a last batch of 7
    rows the second of two replicas may get none, and cuts through the minibatches. Here every replica gets rows of
    every minibatch, as many as the others or one fewer.

    Args:
        dataset: `tf.data.Dataset` of tensors [N, ...] or tuples of them, N at least `minibatches` times the replicas.
        strategy: `tf.distribute.Strategy`.
        minibatches: minibatches in a batch.
    """
    replicas = strategy.num_replicas_in_sync

    def of_worker(context):
        here = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * here

        def divided(*batch):
            rows = ops.shape(batch[0])[0]
            cuts = [rows // minibatches * r // replicas * minibatches for r in range(first, first + here + 1)]
            starts, ends = (tf.stack([tf.cast(cut, tf.int64) for cut in part]) for part in (cuts[:-1], cuts[1:]))
            sizes = {end - start for start, end in zip(cuts, cuts[1:])} if isinstance(rows, int) else {None}
            size = sizes.pop() if len(sizes) == 1 else None

            def part(start, end):
                taken = [tf.ensure_shape(tensor[start:end], [size, *tensor.shape[1:]]) for tensor in batch]
                return tuple(taken) if len(taken) > 1 else taken[0]

            return tf.data.Dataset.from_tensor_slices((starts, ends)).map(part)

        return dataset.flat_map(divided).prefetch(here)

    shared = strategy.distribute_datasets_from_function(of_worker)
    shared._cardinality = dataset.cardinality()  # in steps, as Keras reads it; TensorFlow's is not known
    return shared


def for_all(optimizer, gradients, variables):
    """Return this replica's gradients so that an optimizer takes the step of one replica with all rows.

    An embedding's gradient is a row for each label of the batch. Keras's optimizers square and clip such rows before
    those of one label are added up, so Adam would move an embedding several times too far; here it is a tensor. They
    clip each replica's gradients before they add them; what is clipped here they leave alone. A `LossScaleOptimizer`
    looks for an overflow in the first replica's gradients alone; here it is in those of all.

    Args:
        optimizer: `keras.optimizers.Optimizer`.
        gradients: list of this replica's gradients, some of which may be `None`.
        variables: list of what they are of, which the optimizer was built for.
    """
    gradients = [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in gradients]
    if tf.distribute.get_replica_context().num_replicas_in_sync == 1:
        return gradients
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    inner = optimizer.inner_optimizer if scales else optimizer
    overflows = scales and summed(1 - ops.cast(optimizer.check_finite(gradients), "float32")) > 0
    scale = ops.cast(optimizer.dynamic_scale, "float32") if scales else inner.loss_scale_factor or 1.0
    for one in getattr(inner, "optimizers", [inner]):  # of a MultiOptimizer each has variables of its own
        known = {id(variable) for variable in one._trainable_variables}
        places = [place for place, variable in enumerate(variables) if id(variable) in known]
        places = [place for place in places if gradients[place] is not None]
        if places and any((one.clipnorm, one.clipvalue, one.global_clipnorm)):
            for place, left in zip(places, _clipped(one, [gradients[place] for place in places], scale)):
                gradients[place] = left
    if scales:
        gradients = [None if gradient is None else tf.where(overflows, np.nan, gradient) for gradient in gradients]
    return gradients


def _clipped(optimizer, gradients, scale):
    """Clip the sum of all replicas' gradients as an optimizer is told to; returns this replica's part of what is left.

    Args:
        optimizer: `keras.optimizers.Optimizer`.
        gradients: list of this replica's gradients.
        scale: the losses were multiplied by it.
    """
    replica = tf.distribute.get_replica_context()
    given = [gradient / scale for gradient in gradients]
    clipped = optimizer._clip_gradients(replica.all_reduce(tf.distribute.ReduceOp.SUM, given))
    return [gradient * (scale / replica.num_replicas_in_sync) for gradient in clipped]


def summed(values):
    """Return the sum of a tensor over the replicas."""
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        return values
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, values)


@contextlib.contextmanager
def counting(share):
    """Let what is tracked inside count as this share of a step."""
    _CURRENT.share = share
    try:
        yield
    finally:
        del _CURRENT.share


def current_share():
    """Return as what share of a step a value counts that is tracked now: this replica's, unless `counting` says."""
    return getattr(_CURRENT, "share", 1 / tf.distribute.get_replica_context().num_replicas_in_sync)
