"""Arrays in memory as a dataset to train on."""

import types
import warnings

import keras
import numpy as np
import tensorflow as tf

from kerasgan import data
from kerasgan.data import images as image_values
from kerasgan.data import pipeline
from kerasgan.data.images import LARGEST
from kerasgan.utils import validation


def dataset(gan, images, labels, batch_size):
    """Return shuffled batches of `gan.batches_per_step` times `batch_size` rows, and how many make an epoch.

    They have no end, and go on at the model's step: `fit` after `fit`, or of a loaded model, is one training.

    Args:
        gan: `GAN`.
        images: as `x` of `GAN.fit`.
        labels: as its `y`.
        batch_size: rows of a minibatch.

    Raises:
        ValueError: naming the argument that is wrong.
    """
    shape = gan.image_shape
    validation.integer("batch_size", batch_size, 1)
    images = _array(images, shape, gan.num_classes)
    if labels is not None:
        labels = _labels(labels, len(images), gan.num_classes)
    elif gan.num_classes is not None:
        raise ValueError(f"y: expected labels, as num_classes={gan.num_classes}; got None")
    rows = batch_size * gan.batches_per_step
    if len(images) < rows:
        raise ValueError(
            f"x: expected at least {rows} rows, batch_size {batch_size} for each of {gan.batches_per_step} "
            f"minibatches; got {len(images)}"
        )
    with tf.device("CPU"):
        examples = tf.data.Dataset.from_tensor_slices(images if gan.num_classes is None else (images, labels))
    steps = len(images) // rows
    return pipeline.endless(examples, len(images), rows, gan.seed % 2**63, steps, int(gan.step.numpy())), steps


def _array(images, shape, num_classes):
    """Return images as an array of the shape that the generator makes."""
    _refuse_what_is_no_array(images, shape, num_classes)
    try:
        images = np.asarray(images)
    except ValueError as error:
        raise ValueError(f"x: expected an array; got rows of different shapes ({error})") from None
    return checked("x", images, shape)


def checked(name, images, shape):
    """Return an array of images, or of other values, uint8 or floats of at least float32, whose values can be meant.

    Args:
        name: of the argument, for messages.
        images: array [N, ...].
        shape: of one of them, as the generator makes.

    Raises:
        ValueError: if they have another shape or type, or are images of another range.
    """
    if len(shape) == 3 and shape[-1] == 1 and images.ndim == 3:
        images = images[..., np.newaxis]
    if images.shape[1:] != shape:
        way = axes_way(images.shape[1:], shape)
        if len(shape) == 3 and shape[0] == shape[1] and images.ndim == 4 and images.shape[-1] == shape[-1]:
            way = f". kerasgan.data.load(kerasgan.data.arrays(x), image_size={shape[0]}) resizes them"
        raise ValueError(
            f"{name}: expected images of shape {shape}, as the generator makes; got {images.shape[1:]} (of shape "
            f"{images.shape}){way}"
        )
    if images.dtype not in (np.uint8, np.float16, np.float32, np.float64)[len(shape) != 3 :]:
        wanted = "uint8, or floats in [-1, 1]" if len(shape) == 3 else "floats"
        raise ValueError(f"{name}: expected {wanted}; got {images.dtype}")
    if not len(images):
        raise ValueError(f"{name}: expected at least one image; got none")
    if images.dtype == np.uint8:
        if images.max() == 1:
            raise ValueError(f"{name}: {image_values.ZERO_AND_ONE}")
        return images
    if images.dtype == np.float16:
        images = images.astype(np.float32)
    low, high = images.min(), images.max()
    if not np.isfinite(low) or not np.isfinite(high):
        first = int(np.flatnonzero(~np.isfinite(images).reshape(len(images), -1).all(axis=1))[0])
        raise ValueError(f"{name}: expected finite values; got NaN or infinity, first in row {first}")
    if len(shape) == 3 and max(-low, high) >= LARGEST:
        raise ValueError(
            f"{name}: floats must be finite and in [-1, 1]; got values from {low:g} to {high:g}{image_values.TO_UNIT}"
        )
    if len(shape) == 3 and low >= 0 and 0 < high <= 1:
        raise ValueError(f"{name}: {image_values.UNIT_RANGE.format(low, high)}")
    return images


def axes_way(given, shape):
    """What to do about images whose channels come first, or about labels in their place; "" where they are neither.

    Args:
        given: shape of one image; a size may be unknown.
        shape: of one of the generator's.
    """
    if len(shape) == 3 and tuple(given) in ((), (1,)):
        return "; images come first, and then their labels"
    if len(shape) == 3 and tuple(given) == (shape[-1], *shape[:-1]):
        return "; channels come last: keras.ops.moveaxis(images, 1, -1)"
    return ""


def _labels(labels, count, num_classes):
    """Return labels as int64 [N]; they are ignored where there are no classes."""
    values = np.asarray(labels)
    if num_classes is not None and num_classes > 1 and values.ndim == 2 and values.shape[1] == num_classes:
        if not np.isin(values, (0, 1)).all() or not (values.sum(axis=1) == 1).all():
            raise ValueError("y: expected one-hot labels, a single 1 a row and else 0")
        values = values.argmax(axis=1)
    elif values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if num_classes is None:
        warnings.warn(
            "y: not used, as the model is unconditional; num_classes=... makes one that takes classes", stacklevel=5
        )
        return None
    if len(values) != count:
        raise ValueError(f"y: expected a label for each image; got {len(values)} labels for {count} images")
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(
            f"y: expected integer labels of shape [N] or [N, 1], or one-hot ones of shape [N, {num_classes}]; got "
            f"{values.dtype} of shape {values.shape}"
        )
    if values.min() < 0 or values.max() >= num_classes:
        way = "; they seem to count from 1: give y - 1" if (values.min(), values.max()) == (1, num_classes) else ""
        raise ValueError(
            f"y: expected labels in [0, {num_classes}); lowest and highest: {values.min()} {values.max()}{way}"
        )
    return values.astype(np.int64)


def _refuse_what_is_no_array(x, shape, num_classes):
    """Raise for what a Keras user may give in place of an array or a `tf.data.Dataset`."""
    spec = f"tf.TensorSpec({[None, *shape]}, tf.float32)"
    if num_classes is not None:
        spec = f"({spec}, tf.TensorSpec([None], tf.int32))"
    way = f"tf.data.Dataset.from_generator(function, output_signature={spec}), of a function that returns it, may do"
    if isinstance(x, (types.GeneratorType, keras.utils.PyDataset)) or hasattr(x, "__next__") or _is_loader(x):
        raise ValueError(f"x: expected a tf.data.Dataset or arrays; got a {type(x).__name__}. {way}")
    if isinstance(x, data.Source):
        raise ValueError("x: expected a tf.data.Dataset or arrays; got a Source: kerasgan.data.load(source) makes one")
    if x is None or isinstance(x, (str, bytes, dict)) or hasattr(x, "__fspath__"):
        raise ValueError(
            f"x: expected a tf.data.Dataset or arrays; got {str(x)[:100]!r}. kerasgan.data.load makes a dataset of a "
            "folder of pictures, of arrays, or of a dataset's name"
        )
    if isinstance(x, tuple):
        raise ValueError("x: expected images, and labels as y; got a tuple of them")


def _is_loader(x):
    return any(kind.__name__ == "DataLoader" for kind in type(x).__mro__)
