"""Checks of what images are asked for: how many, of which seeds and labels, within which bounds."""

import keras
import numpy as np

from kerasgan.utils import classes, validation
from kerasgan.utils.messages import quoted


def sampling(model, n, seed, labels, truncation):
    """Raise `ValueError` where `Sampler.sample` would; returns seeds, bounds and labels for n images."""
    validation.integer("n", n, 1)
    labels = sample_labels(labels, n, model.num_classes, model.class_names)
    return sample_seeds(seed, n), bounds(truncation, n), labels


def sample_seeds(seed, n):
    """Check seeds for n images; returns int64 [n]: those given, or `seed`, `seed + 1`, ... of one number."""
    seeds = row_values("seed", seed, n, np.int64)
    if np.ndim(seed):
        return seeds
    last = np.iinfo(np.int64).max
    if int(seeds[0]) > last - (n - 1):
        raise ValueError(f"seed: expected at most {last - (n - 1)}, as image i has seed `seed + i`; got {seed}")
    return seeds + np.arange(n)


def sample_labels(labels, n, num_classes, class_names=None):
    """Check labels for n images, of which some may be names; int32 [n], or `None` for an unconditional model."""
    if num_classes is None:
        if labels is not None:
            raise ValueError(f"labels: expected None, as the model is unconditional; got {quoted(labels)}")
        return None
    if labels is None:
        return (np.arange(n) % num_classes).astype(np.int32)
    labels = classes.numbers(list(labels) if isinstance(labels, range) else labels, class_names)
    values = row_values("labels", labels, n, np.int64)
    if values.min() < 0 or values.max() >= num_classes:
        raise ValueError(f"labels: expected integers in [0, {num_classes}); got {quoted(labels)}")
    return values.astype(np.int32)


def bounds(truncation, n):
    """Check bounds on |z| for n images; returns float32 [n], infinite where `truncation` is `None`."""
    values = row_values("truncation", np.inf if truncation is None else truncation, n, np.float32)
    if not (values > 0).all():
        raise ValueError(f"truncation: expected positive numbers; got {truncation}")
    return values


def row_values(name, value, n, dtype):
    """Broadcast a number, or check a sequence of n numbers; returns an array [n] of `dtype`."""
    values = np.asarray(value)
    integers = np.issubdtype(dtype, np.integer)
    if integers and not _fits(np.asarray(value, dtype=object), dtype):  # NumPy makes floats of some large integers
        limits = np.iinfo(dtype)
        raise ValueError(f"{name}: expected integers from {limits.min} to {limits.max}; got {quoted(value)}")
    if values.dtype.kind not in ("iu" if integers else "iuf"):
        raise ValueError(f"{name}: expected {'integers' if integers else 'numbers'}; got {quoted(value)}")
    if values.shape not in ((), (n,)):
        raise ValueError(f"{name}: expected one number or {n}, one an image; got {values.size} of shape {values.shape}")
    return np.broadcast_to(values, (n,)).astype(dtype)


def _fits(values, dtype):
    """Whether all of an array are integers that an integer type holds, or are no integers at all."""
    limits = np.iinfo(dtype)
    numbers = [int(value) for value in np.ravel(values) if isinstance(value, (int, np.integer))]
    return all(limits.min <= number <= limits.max for number in numbers)


def has_rows(x):
    """Refuse arrays without rows for `predict`, at which Keras fails with an error of its own code."""
    arrays = keras.tree.flatten(x)
    shapes = [tuple(getattr(array, "shape", ())) for array in arrays]  # a dataset has none
    if not arrays or any(shape[:1] == (0,) for shape in shapes):
        raise ValueError(f"x: expected latents, a row at least; got {quoted(shapes[0] if shapes else x)}")
