"""Training a GAN on values in memory, as the studies on images do it."""

import math

import tensorflow as tf

from kerasgan import callbacks, data
from kerasgan.studies import report


def fit(gan, values, batch_size, steps, what, execution=25, extra=()):
    """Train a compiled GAN on endlessly reshuffled values, with lines of progress.

    Args:
        gan: compiled `GAN`; `steps_per_execution` is set to `execution`, or less where it does not divide `steps`.
        values: uint8 images [N, H, W, C], or float32 points [N, D].
        batch_size: real values of each critic step.
        steps: training steps.
        what: name in front of the lines of progress.
        execution: training steps a call of the compiled function.
        extra: further callbacks.

    Raises:
        FloatingPointError: as soon as a loss is NaN or infinite.
    """
    gan.steps_per_execution = math.gcd(steps, execution)
    rows = endless(values, batch_size * gan.batches_per_step, gan.seed)
    watchers = [callbacks.FiniteLosses(), _Progress(what, steps), *extra]
    gan.fit(rows, epochs=1, steps_per_epoch=steps, verbose=0, callbacks=watchers)


def endless(values, rows, seed):
    """Return an endless `tf.data.Dataset` of float32 [rows, ...]; each pass over the values is in another order.

    Args:
        values: uint8 images [N, H, W, C], which come out in [-1, 1], or float32 points [N, D].
        rows: values of one element.
        seed: integer; the order depends on it alone.
    """
    options = tf.data.Options()
    options.deterministic = True
    values = tf.constant(values)
    finished = data.to_float if values.dtype == tf.uint8 else tf.identity

    def order(epoch):
        shuffled = tf.random.experimental.stateless_shuffle(tf.range(len(values)), [seed, epoch])
        return tf.data.Dataset.from_tensor_slices(shuffled)

    numbers = tf.data.Dataset.counter().flat_map(order).batch(rows, drop_remainder=True)
    return numbers.map(lambda batch: finished(tf.gather(values, batch))).with_options(options).prefetch(8)


class _Progress(callbacks.EverySteps):
    def __init__(self, what, steps):
        super().__init__(1)
        self._bar = report.Bar(what, steps)

    def act(self, step, logs):
        self._bar.show(step)
