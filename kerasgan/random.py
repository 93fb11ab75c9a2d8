"""Stateless random numbers, each drawn by a key that says what it is for.

Nothing here keeps state: the same key gives the same numbers after a restart, in another process and on another
kind of device (the Philox generator is named rather than left to the device).
"""

import zlib

import tensorflow as tf

_HALF_STEP = 2.0**-53


def _salt(purpose):
    return zlib.crc32(repr(purpose).encode())


def _open_interval(uniform):
    """Move multiples of 2**-52 in [0, 1) to the middle of their steps, so that 0 and 1 never occur."""
    return uniform + _HALF_STEP


def uniform(shape, seed, step, purpose):
    """Uniform numbers for one purpose in one training step.

    Args:
        shape: integers or scalar tensors, the shape to draw.
        seed: Python integer, the seed of the run.
        step: int64 scalar tensor, the training step.
        purpose: tuple of strings and integers; different purposes give independent numbers.

    Returns:
        float64 tensor of `shape`, strictly between 0 and 1.
    """
    key = tf.random.experimental.stateless_fold_in(
        tf.constant([seed, _salt(purpose)], tf.int64), tf.cast(step, tf.int64), alg="philox"
    )
    return _open_interval(tf.random.stateless_uniform(shape, key, dtype=tf.float64, alg="philox"))


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
        return tf.random.stateless_uniform([columns], tf.stack([seed, salt]), dtype=tf.float64, alg="philox")

    rows = tf.map_fn(row, seeds, fn_output_signature=tf.TensorSpec([columns], tf.float64))
    return _open_interval(rows)
