"""Checks of what a user gives, each with one message that names the argument, what came and what was expected."""

import re

import numpy as np
import tensorflow as tf

from kerasgan import classes
from kerasgan.data import images as image_values

_MARK = "training data: "


def takes_truncation(generator):
    """Whether a generator's last input is the threshold: float32 [N], named `truncation`."""
    return len(generator.inputs) > 1 and generator.inputs[-1].name == "truncation"


def generator_fits(generator, num_classes):
    """Raise `ValueError` unless the generator takes latents, and labels just where there are classes.

    Args:
        generator: `keras.Model`.
        num_classes: number of classes, or `None`.
    """
    _built("generator", generator)
    if len(generator.inputs[0].shape) != 2:
        raise ValueError(f"generator: expected latents [N, D] as first input; it takes {generator.inputs[0].shape}")
    _inputs_fit("generator", generator, num_classes, extra=1 if takes_truncation(generator) else 0)


def networks_fit(generator, critic, num_classes, pairwise=False, features=False, classifying=False):
    """Raise `ValueError` unless the critic takes what the generator makes and gives what the objective needs.

    Args:
        generator: `keras.Model`.
        critic: `keras.Model`.
        num_classes: number of classes, or `None`; with classes both networks take labels too.
        pairwise: whether the objective compares two images, so that the critic takes two.
        features: whether the critic gives any number of features an image rather than one logit.
        classifying: whether the critic takes no labels but gives class logits as a second output.
    """
    for name, network in (("generator", generator), ("critic", critic)):
        _built(name, network)
    if classifying and num_classes is None:
        raise ValueError("num_classes: expected a number, as the objective's critic classifies; got None")
    if pairwise and num_classes is not None:
        raise ValueError(f"num_classes: expected None, as the objective has no labels; got {num_classes!r}")
    generator_fits(generator, num_classes)
    if takes_truncation(generator):
        raise ValueError("generator: expected one that can train; this one has statistics fixed for each truncation")
    made, taken = tuple(generator.output_shape[1:]), tuple(critic.inputs[0].shape[1:])
    if made != taken:
        raise ValueError(f"critic: expected images of shape {made}, as the generator makes; it takes {taken}")
    compares = len(critic.inputs) == 2 and tuple(critic.inputs[1].shape[1:]) == taken
    if pairwise and not compares:
        raise ValueError("critic: expected a PairwiseCritic, as the objective compares two images; it takes one")
    if compares and not pairwise:
        raise ValueError("critic: expected a critic of one image, as the objective scores each; it compares two")
    if not pairwise and not classifying:
        _inputs_fit("critic", critic, num_classes)
    if classifying and len(critic.inputs) != 1:
        raise ValueError("critic: expected to take images alone, as it classifies; it takes labels")
    given = [tuple(output.shape[1:]) for output in critic.outputs]
    wanted = [(1,), (num_classes,)] if classifying else [(1,)]
    if features and (len(given) != 1 or len(given[0]) != 1):
        raise ValueError(f"critic: expected features [N, F]; it gives {given} an image")
    if not features and given != wanted:
        what = "one logit and the classes' logits" if classifying else "one logit"
        raise ValueError(f"critic: expected {what} an image, of shape {wanted}; it gives {given}")


def _built(name, network):
    if not getattr(network, "inputs", None):
        raise ValueError(f"{name}: expected a built keras.Model with known inputs; got {network!r}")


def _inputs_fit(name, network, num_classes, extra=0):
    expected = extra + (1 if num_classes is None else 2)
    if len(network.inputs) != expected:
        wanted = "one input (num_classes is None)" if num_classes is None else f"labels too (num_classes={num_classes})"
        raise ValueError(f"{name}: expected a network that takes {wanted}; it has {len(network.inputs)} inputs")


def row_values(name, value, n, dtype):
    """Broadcast a number, or check a sequence of n numbers; returns an array [n] of `dtype`."""
    values = np.asarray(value)
    integers = np.issubdtype(dtype, np.integer)
    if values.dtype.kind not in ("iu" if integers else "iuf"):
        raise ValueError(f"{name}: expected {'integers' if integers else 'numbers'}; got {value!r}")
    if values.shape not in ((), (n,)):
        raise ValueError(f"{name}: expected one number or {n}, one an image; got {values.size} of shape {values.shape}")
    return np.broadcast_to(values, (n,)).astype(dtype)


def sample_labels(labels, n, num_classes, class_names=None):
    """Check labels for n images, of which some may be names; int32 [n], or `None` for an unconditional model."""
    if num_classes is None:
        if labels is not None:
            raise ValueError(f"labels: expected None, as the model is unconditional; got {labels!r}")
        return None
    if labels is None:
        return (np.arange(n) % num_classes).astype(np.int32)
    labels = classes.numbers(list(labels) if isinstance(labels, range) else labels, class_names)
    values = row_values("labels", labels, n, np.int64)
    if values.min() < 0 or values.max() >= num_classes:
        raise ValueError(f"labels: expected integers in [0, {num_classes}); got {labels!r}")
    return values.astype(np.int32)


def training_data(dataset, image_shape, num_classes, minibatches):
    """Check a dataset's structure now and its values as they come.

    Args:
        dataset: `tf.data.Dataset` of batches of images, or of pairs of images and labels.
        image_shape: shape that the networks take; (H, W, C) of images, else another, whose range is free.
        num_classes: number of classes, or `None` where labels are to be ignored.
        minibatches: minibatches in a batch.

    Returns:
        A dataset of the same batches with images as float32 in [-1, 1] (uint8 is converted) and labels as int32.
        Values that are not finite, outside [-1, 1] or no class raise as they are met; `raise_data_error` turns
        that into a `ValueError`.

    Raises:
        ValueError: if the elements are not batches of such images, or labels are missing.
    """
    spec = dataset.element_spec
    parts = tuple(spec) if isinstance(spec, (tuple, list)) else (spec,)
    images = parts[0]
    if len(parts) > 2 or not isinstance(images, tf.TensorSpec):
        raise ValueError(f"{_MARK}expected images or (images, labels); got {spec}")
    if images.shape.rank != 1 + len(image_shape) or not images.shape[1:].is_compatible_with(image_shape):
        raise ValueError(
            f"{_MARK}expected batches of images of shape {image_shape}, as the generator makes; got {images.shape}"
        )
    if images.dtype not in (tf.uint8, tf.float16, tf.float32, tf.float64):
        raise ValueError(f"{_MARK}expected images as uint8 or as floats in [-1, 1]; got {images.dtype.name}")
    if images.shape[0] is not None and images.shape[0] < minibatches:
        raise ValueError(f"{_MARK}expected at least {minibatches} rows a batch, one a minibatch; got {images.shape[0]}")
    if num_classes is not None:
        if len(parts) < 2:
            raise ValueError(f"{_MARK}expected (images, labels), as num_classes={num_classes}; got images alone")
        if not parts[1].dtype.is_integer or parts[1].shape.rank != 1:
            raise ValueError(f"{_MARK}expected integer labels of shape [N]; got {parts[1]}")

    def check(images, labels=None):
        if images.dtype == tf.uint8:
            images = image_values.to_float(images)
        else:
            images = tf.cast(images, tf.float32)
            finite = tf.reduce_all(tf.math.is_finite(images))
            tf.debugging.Assert(finite, [f"{_MARK}expected finite values; got NaN or infinity"])
            largest = tf.reduce_max(tf.abs(images)) if len(image_shape) == 3 else 0.0
            tf.debugging.Assert(largest < 1.001, [f"{_MARK}expected values in [-1, 1]; largest size:", largest])
        images = tf.ensure_shape(images, [None, *image_shape])
        if num_classes is None:
            return images
        low, high = tf.reduce_min(labels), tf.reduce_max(labels)
        inside = (low >= 0) & (high < num_classes)
        tf.debugging.Assert(inside, [f"{_MARK}expected labels in [0, {num_classes}); lowest and highest:", low, high])
        return images, tf.cast(labels, tf.int32)

    return dataset.map(check, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def raise_data_error(error):
    """Raise a short `ValueError` if a TensorFlow error comes from `training_data` or an image file."""
    assertion = re.search(rf"assertion failed: \[({_MARK}.*)\]$", error.message, re.MULTILINE)
    if assertion:
        raise ValueError(assertion[1].replace("] [", " ")) from None
    unreadable = re.search(r"ValueError: (.* cannot be decoded: .*)$", error.message, re.MULTILINE)
    if unreadable:
        raise ValueError(unreadable[1]) from None
