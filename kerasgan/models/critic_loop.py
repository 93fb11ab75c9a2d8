"""The critic's steps of a training step as a loop, of which the graph holds one."""

import contextlib
import contextvars

import tensorflow as tf

from kerasgan.utils.keyed_random import LoopIndex

_UNROLLED = contextvars.ContextVar("kerasgan.models.critic_loop", default=False)


@contextlib.contextmanager
def unrolled():
    """Have the graphs that are built inside hold every step, as counting what a training step costs asks for."""
    token = _UNROLLED.set(True)
    try:
        yield
    finally:
        _UNROLLED.reset(token)


def run(step, batches):
    """Call `step(batch, k)` for each of the batches, and return the last batch.

    Args:
        step: function that leaves what it does in variables; k is the number of the batch, or a `LoopIndex`.
        batches: list of `Batch`es alike but for what is in them and the last part, the number, of their purpose.
    """
    # a strategy adds up gradients of replicas outside of loops
    if len(batches) == 1 or tf.executing_eagerly() or tf.distribute.has_strategy() or _UNROLLED.get():
        for k, batch in enumerate(batches):
            step(batch, k)
        return batches[-1]
    images = tf.stack([batch.images for batch in batches])
    labels = None if batches[0].labels is None else tf.stack([batch.labels for batch in batches])

    def body(k):
        index = LoopIndex(k, len(batches))
        batch = batches[0]._replace(
            images=images[k],
            labels=None if labels is None else labels[k],
            purpose=(*batches[0].purpose[:-1], index),
        )
        step(batch, index)
        return [k + 1]

    tf.while_loop(lambda k: k < len(batches), body, [0], parallel_iterations=1)
    return batches[-1]
