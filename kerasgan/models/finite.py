"""Whether what a generator makes is finite: checked where samples are made, and not in what is exported."""

import contextlib
import threading

import tensorflow as tf

_STATE = threading.local()
MESSAGE = "the generator gives NaN or infinity: its weights are not finite, or too large"


class NotFiniteWarning(RuntimeWarning):
    """Samples are not what the generator makes, as that is NaN or infinite."""


@contextlib.contextmanager
def demanded():
    """Let `checked` check, in what is computed or traced inside."""
    _STATE.demanded = True
    try:
        yield
    finally:
        _STATE.demanded = False


def checked(made, weights):
    """Return generated values as they are; where it is `demanded`, they raise when they are computed unless finite.

    The weights must be finite too: TensorFlow with oneDNN makes 0 of NaN where it fuses a product, its bias and ReLU.

    Args:
        made: the generated values, a tensor.
        weights: list of the variables that they were made with.
    """
    if not getattr(_STATE, "demanded", False):
        return made
    values = [made, *(tf.convert_to_tensor(weight) for weight in weights)]
    are_finite = [tf.reduce_all(tf.math.is_finite(value)) for value in values if value.dtype.is_floating]
    check = tf.debugging.Assert(tf.reduce_all(are_finite), [MESSAGE])
    with tf.control_dependencies([check]):
        return tf.identity(made)


@contextlib.contextmanager
def told():
    """Raise `FloatingPointError` where `checked` fails inside, in place of TensorFlow's error."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if MESSAGE not in error.message:
            raise
        raise FloatingPointError(MESSAGE) from None
