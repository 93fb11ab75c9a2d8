"""Stateless random numbers, each drawn by a key that says what it is for.

Nothing here keeps state: the same key gives the same numbers after a restart, in another process, on another kind of
device and with or without XLA. To that end the Philox generator is named rather than left to the device, and its bits
are made into numbers here: TensorFlow's own conversion to floats differs with XLA.
"""

import contextlib
import contextvars
import zlib

import tensorflow as tf

_GIVEN = contextvars.ContextVar("kerasgan.utils.keyed_random", default=None)


class LoopIndex:
    """An integer of a purpose that is known only when the graph runs: the index of a loop.

    It gives the numbers that the integer itself would give.

    Args:
        value: integer scalar tensor in [0, count).
        count: how often the loop runs, a Python integer.
    """

    def __init__(self, value, count):
        self.value = value
        self.count = count

    def __eq__(self, other):
        raise TypeError(
            "critic_step: k is not known while the graph is built, so that a comparison would always be false; "
            "tf.cond(k.value == 0, ...) asks when it runs"
        )

    __hash__ = object.__hash__


def _salt(purpose):
    """Return an integer for a purpose; an int64 scalar tensor where there is a `LoopIndex` in it."""
    index = next((part for part in purpose if isinstance(part, LoopIndex)), None)
    if index is None:
        return zlib.crc32(repr(purpose).encode())
    salts = [_salt(tuple(k if part is index else part for part in purpose)) for k in range(index.count)]
    return tf.gather(tf.constant(salts, tf.int64), index.value)


def _bits(shape, key):
    return tf.random.stateless_uniform(shape, key, minval=None, maxval=None, dtype=tf.int32, alg="philox")


def _unit(bits):
    """Map int32 to the middles of 2**32 equal parts of the unit interval, so that 0 and 1 never occur."""
    return (tf.cast(bits, tf.float64) + (2.0**31 + 0.5)) / 2.0**32


def uniform(shape, seed, step, purpose):
    """Uniform numbers for one purpose in one training step.

    Args:
        shape: integers or scalar tensors, the shape to draw.
        seed: Python integer, the seed of the run.
        step: int64 scalar tensor, the training step.
        purpose: tuple of strings, integers and a `LoopIndex`; different purposes give independent numbers.

    Returns:
        float64 tensor of `shape`, strictly between 0 and 1.
    """
    key = tf.random.experimental.stateless_fold_in(
        tf.convert_to_tensor([seed, _salt(purpose)], tf.int64), tf.cast(step, tf.int64), alg="philox"
    )
    return _unit(_bits(shape, key))


def uniform_rows(seeds, columns, purpose):
    """Uniform numbers in which each row depends on its own seed alone.

    Args:
        seeds: int64 tensor [N].
        columns: Python integer, numbers a row.
        purpose: tuple of strings and integers; different purposes give independent numbers.

    Returns:
        float64 tensor [N, columns], strictly between 0 and 1.
    """
    salt = tf.constant(_salt(purpose), tf.int64)

    def row(seed):
        return _bits([columns], tf.stack([seed, salt]))

    return _unit(tf.map_fn(row, seeds, fn_output_signature=tf.TensorSpec([columns], tf.int32)))


@contextlib.contextmanager
def giving(draw):
    """Give the layers of the networks that are called inside a way to draw numbers for the rows of their batch.

    Args:
        draw: function of a shape, and of strings and integers that say what the numbers are for, to uniform numbers
            [N, *shape], strictly between 0 and 1.
    """
    token = _GIVEN.set(draw)
    try:
        yield
    finally:
        _GIVEN.reset(token)


def given():
    """Return the function that `giving` gives here, or `None` outside of it."""
    return _GIVEN.get()
