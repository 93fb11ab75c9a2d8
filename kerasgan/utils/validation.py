"""Checks of single arguments."""

import numbers
import operator
import os

import numpy as np

from kerasgan.utils.messages import quoted

_SUM_TOLERANCE = 1e-3  # of probabilities: a float16 softmax over 1000 classes is off by less


def integer(name, value, least):
    """`value` as an int of at least `least`.

    Raises:
        ValueError: naming the argument and what was given.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, got {quoted(value)}")
    return number


def integer_within(name, value, dtype):
    """`value` as an int that an integer type holds.

    Raises:
        ValueError: naming the argument and what was given.
    """
    limits = np.iinfo(dtype)
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or not limits.min <= number <= limits.max:
        raise ValueError(f"{name}: expected an integer from {limits.min} to {limits.max}, got {quoted(value)}")
    return number


def number(name, value, good, words):
    """`value`, a number for which `good(value)` is true; `words` say so, such as "a number in (0, 1]".

    Raises:
        ValueError: naming the argument and what was given.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not good(value):
        raise ValueError(f"{name}: expected {words}; got {quoted(value)}")
    return value


def boolean(name, value):
    """`value`, which is True or False; a text such as "no" would count as True.

    Raises:
        ValueError: naming the argument and what was given.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name}: expected True or False; got {quoted(value)}")
    return bool(value)


def several(name, value):
    """`value`, a list or the like; a text or a path alone, which would be read letter by letter, is none.

    Raises:
        ValueError: naming the argument and what was given.
    """
    if isinstance(value, (str, bytes, os.PathLike)):
        raise ValueError(f"{name}: expected a list; got {quoted(value)}, which is one alone: write [{quoted(value)}]")
    return value


def not_negative(name, value):
    """`value`, a number of at least 0, such as a weight; see `number`."""
    return number(name, value, lambda it: it >= 0, "a number of at least 0")


def positive(name, value):
    """`value`, a positive number; see `number`."""
    return number(name, value, lambda it: it > 0, "a positive number")


def in_unit_interval(name, value):
    """`value`, a number in [0, 1]; see `number`."""
    return number(name, value, lambda it: 0 <= it <= 1, "a number in [0, 1]")


def below_one(name, value):
    """`value`, a number in [0, 1), such as a rate of dropout; see `number`."""
    return number(name, value, lambda it: 0 <= it < 1, "a number in [0, 1)")


def channels(value, allowed=(1, 3, 4)):
    """`value`, a number of channels: 1 (grey), 3 (RGB) or 4 (RGBA).

    Raises:
        ValueError: naming the argument and what was given.
    """
    if isinstance(value, bool) or value not in allowed:
        raise ValueError(f"channels: expected one of {', '.join(map(str, allowed))}, got {quoted(value)}")
    return int(value)


def labels(name, values, count):
    """`values` as an array of `count` integers of at least 0, the classes of as many rows.

    Raises:
        ValueError: naming the argument and what was given.
    """
    given = np.asarray(values)
    if given.shape != (count,) or given.dtype.kind not in "iu":
        raise ValueError(f"{name}: expected {count} integers, one a row; got {given.dtype} of shape {given.shape}")
    if given.min() < 0:
        raise ValueError(f"{name}: expected integers of at least 0; got {given.min()}")
    return given


def probabilities(name, values):
    """`values` as float64 [N, K], each row of at least 0, summing to 1 exactly.

    Raises:
        ValueError: if they are no such floats; a sum may be off by `_SUM_TOLERANCE`.
    """
    rows = np.asarray(values)
    if rows.ndim != 2 or 0 in rows.shape or rows.dtype.kind != "f":
        raise ValueError(f"{name}: expected floats [N, K]; got {rows.dtype} {list(rows.shape)}")
    rows = rows.astype("float64")
    sums = rows.sum(axis=1)
    # written so that NaN counts as bad
    bad = ~((rows >= 0).all(axis=1) & (np.abs(sums - 1) <= _SUM_TOLERANCE))
    if bad.any():
        first = int(bad.argmax())
        raise ValueError(
            f"{name}: expected rows of numbers of at least 0 that sum to 1; row {first} has numbers from "
            f"{rows[first].min():g} to {rows[first].max():g} and sums to {sums[first]:g}"
        )
    rows /= sums[:, None]
    return rows
