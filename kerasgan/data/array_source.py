"""Images that are already in memory."""

import functools
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerasgan.data import fingerprints
from kerasgan.data import images as pixels
from kerasgan.data.source import Source
from kerasgan.utils import classes

_CHUNK = 1024
_MOST_CLASSES = 10**6


def arrays(images: np.ndarray, labels: npt.ArrayLike | None = None, class_names: Sequence[str] | None = None) -> Source:
    """Images, and perhaps labels, from arrays.

    Args:
        images: uint8 [N, H, W] or [N, H, W, C] in [0, 255], C of 1, 3 or 4; or float32 or float64 of the same
            shapes in [-1, 1], which are rounded to uint8.
        labels: integers [N], none negative and all below 1,000,000, or None.
        class_names: a name for each label, each once; without it "0", "1", ... up to the largest label.

    Returns:
        A `Source`.

    Raises:
        ValueError: on another shape, dtype or range, naming the first bad image; on labels that do not fit.
    """
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., np.newaxis]
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or 0 in images.shape:
        raise ValueError(
            "images: expected shape [N, H, W] or [N, H, W, C] with C of 1, 3 or 4 and nothing empty, "
            f"got {list(np.shape(images))}"
        )
    if images.dtype in (np.float32, np.float64):
        images = _quantised(images)
    elif images.dtype != np.uint8:
        raise ValueError(f"images: expected uint8, or float32 or float64 in [-1, 1], got {images.dtype}")
    if images.max() == 1:
        raise ValueError(f"images: {pixels.ZERO_AND_ONE}")
    count = len(images)
    if labels is None:
        if class_names is not None:
            raise ValueError("class_names: given without labels")
        labels = np.full(count, -1, np.int64)
    else:
        labels = _checked_labels(labels, count)
        class_names = _checked_names(class_names, labels)
    with tf.device("CPU"):
        images, labels = tf.constant(images), tf.constant(labels)  # copies, which stay as they are
        examples = tf.data.Dataset.from_tensor_slices((images, labels))
    fingerprint = functools.partial(fingerprints.of_arrays, images, labels)
    return Source(examples, count, class_names, "arrays", fingerprint, cache_key=fingerprint)


def _quantised(images):
    low, high = images.min(), images.max()
    if low >= 0 and 0 < high <= 1:  # no pixel darker than mid-grey: they are meant otherwise
        raise ValueError(f"images: {pixels.UNIT_RANGE.format(low, high)}")
    result = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        # written so that NaN counts as bad
        bad = ~(abs(chunk) < pixels.LARGEST).all(axis=(1, 2, 3))
        if bad.any():
            first = int(np.argmax(bad))
            low, high = chunk[first].min(), chunk[first].max()
            raise ValueError(
                f"images: floats must be finite and in [-1, 1], but image {start + first} "
                f"has values from {low:g} to {high:g}"
            )
        result[start : start + _CHUNK] = pixels.to_uint8(chunk)
    return result


def _checked_labels(labels, count):
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels: expected shape [N], got {list(labels.shape)}")
    if len(labels) != count:
        raise ValueError(f"labels: {len(labels)} labels for {count} images")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels: expected integers, got {labels.dtype}")
    if labels.min() < 0:
        first = int(np.argmax(labels < 0))
        raise ValueError(f"labels: must not be negative, but label {first} is {labels[first]}")
    if labels.max() >= _MOST_CLASSES:
        first = int(np.argmax(labels >= _MOST_CLASSES))
        raise ValueError(
            f"labels: expected numbers of classes, below {_MOST_CLASSES:,}, as there is a class for each up to the "
            f"largest; label {first} is {labels[first]}. np.unique(labels, return_inverse=True) numbers them"
        )
    return labels.astype(np.int64)


def _checked_names(class_names, labels):
    largest = int(labels.max())
    if class_names is None:
        missing = np.setdiff1d(np.arange(largest + 1), labels)
        if len(missing):
            warnings.warn(
                f"labels: {len(missing)} of the {largest + 1} classes 0 to {largest} have no image, such as "
                f"{missing[0]}; number the classes without gaps, else the model has classes that it never sees",
                stacklevel=3,
            )
        return classes.unnamed(largest + 1)
    class_names = classes.checked(class_names)
    if len(class_names) <= largest:
        raise ValueError(f"class_names: {len(class_names)} names, but the largest label is {largest}")
    return class_names
