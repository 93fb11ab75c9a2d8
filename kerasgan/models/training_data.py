"""What `fit` trains on: checked before the first step as far as it can be, and batch by batch as it comes."""

import re
import warnings

import tensorflow as tf

from kerasgan.data import images as image_values
from kerasgan.data.images import UNIT_RANGE, ZERO_AND_ONE
from kerasgan.models import training_arrays
from kerasgan.utils import classes

MARK = "training data: "
_A_LABEL_EACH = "expected a label for each image; images and labels:"
_DARK = 0.02  # floats in [0, 1] come this near to 0, and those in [-1, 1] of no darker pixel rarely do
_LOOKED_AT = 8  # images none of which has a pixel darker than mid-grey: they are meant otherwise


def checked(gan, x, y=None, batch_size=None, steps_per_epoch=None):
    """Return what `gan.fit` is to train on.

    Args:
        gan: `GAN`.
        x: as for `GAN.fit`, and so are the others.

    Returns:
        A `tf.data.Dataset` of batches of images float32 in [-1, 1], or pairs of them and labels int32 [N]; a
        `tf.distribute.DistributedDataset` as it was given. Values that are not finite, outside [-1, 1] or no class
        raise as they are met; `raise_error` turns that into a `ValueError`. And the steps of an epoch, `None` for all.

    Raises:
        ValueError: if they cannot be trained on, as far as that is known before they are read.
    """
    minibatches = gan.batches_per_step
    given = isinstance(x, (tf.data.Dataset, tf.distribute.DistributedDataset))
    if given and (y is not None or batch_size is not None):
        raise ValueError("y, batch_size: expected only with arrays; x is a dataset, which has batches and labels")
    if gan.class_names is not None and getattr(x, "class_names", None) is not None:
        _check_class_numbers(gan, x.class_names)
    if not given:
        x, steps = training_arrays.dataset(gan, x, y, 64 if batch_size is None else batch_size)
        if steps_per_epoch is None:  # all rows, and as many more as several steps at a time take
            steps_per_epoch = -(-steps // gan.steps_per_execution) * gan.steps_per_execution
            if steps_per_epoch > steps:
                warnings.warn(
                    f"steps_per_execution: an epoch has {steps_per_epoch} steps, where {steps} go through the rows: "
                    f"Keras takes {gan.steps_per_execution} at a time",
                    stacklevel=3,
                )
    _ends(x, steps_per_epoch)
    if isinstance(x, tf.distribute.DistributedDataset):
        _look_at_first(x, gan)
        return x, steps_per_epoch
    made_for = getattr(x, "batches_per_step", minibatches)
    if made_for != minibatches:
        warnings.warn(
            f"x: loaded with critic_steps={made_for}, and a step of {type(gan).__name__} divides a batch into "
            f"{minibatches} minibatches: kerasgan.data.load(..., critic_steps=gan.batches_per_step) gives each of them "
            "batch_size rows",
            stacklevel=3,
        )
    needed = minibatches * gan.distribute_strategy.num_replicas_in_sync * gan.gradient_accumulation_steps
    return of_dataset(x, gan.image_shape, gan.num_classes, minibatches, needed), steps_per_epoch


def of_dataset(dataset, image_shape, num_classes, minibatches, needed):
    """Check a dataset's structure now and its values as they come; see `checked`.

    Args:
        dataset: `tf.data.Dataset` of batches of images, or of pairs of images and labels.
        image_shape: shape that the networks take; (H, W, C) of images, else another, whose range is free.
        num_classes: number of classes, or `None` where labels are to be ignored.
        minibatches: minibatches in a batch.
        needed: rows that a batch needs at least; one that has fewer is left out.
    """
    spec = _checked_structure(dataset.element_spec, image_shape, num_classes)
    rows = spec.shape[0]
    if rows is not None and rows < needed:
        raise ValueError(f"{MARK}expected at least {needed} rows a batch, {_why(minibatches, needed)}; got {rows}")
    if rows is not None and rows % minibatches:
        warnings.warn(_rows_left_out(rows, minibatches), stacklevel=4)
    are_images = len(image_shape) == 3

    def check(images, labels=None):
        if not images.shape[1:].is_fully_defined() and None not in image_shape:
            fits = tf.reduce_all(tf.equal(tf.shape(images)[1:], image_shape))
            wanted = _assert(fits, f"expected images of shape {image_shape}; got", *tf.unstack(tf.shape(images)[1:]))
            with tf.control_dependencies([wanted]):
                images = tf.identity(images)
        images = tf.ensure_shape(images, [None, *image_shape])
        low, high, varied = _range(images)
        checks = []
        if images.dtype != tf.uint8:
            checks.append(_assert(_are_finite(images), "expected finite values; got NaN or infinity"))
            if are_images:
                largest = tf.maximum(-low, high)
                checks.append(
                    _assert(
                        largest < image_values.LARGEST,
                        "expected values in [-1, 1]; largest size:",
                        largest,
                        image_values.TO_UNIT,
                    )
                )
        if num_classes is not None:
            counts = tf.shape(images)[0], tf.shape(labels)[0]
            checks.append(_assert(tf.equal(*counts), _A_LABEL_EACH, *counts))
            checks += _class_checks(labels, num_classes)
        with tf.control_dependencies(checks):
            images, labels = as_trained((images, labels), num_classes)
        return images if labels is None else (images, labels), (low, high, varied)

    def of_all(state, elements):
        batch, (low, high, varied) = elements
        low, high, varied = tf.minimum(state[0], low), tf.maximum(state[1], high), state[2] + varied
        if spec.dtype == tf.uint8:
            fine = [_assert(high != 1, ZERO_AND_ONE)]
        else:
            told = varied >= _LOOKED_AT
            two = tf.abs(high - image_values.ONE) < 1e-3  # of 255 levels only 0 and 1
            meant = (low < 0) | (high <= 0) | (high > 1) | ~(told | ((low <= _DARK) & (low < high)))
            before, between, after = UNIT_RANGE.split("{:g}")
            fine = [_assert(meant, before.strip(), low, between.strip(), high, after), _assert(~two, ZERO_AND_ONE)]
        with tf.control_dependencies(fine):
            return (low, high, varied), tf.nest.map_structure(tf.identity, batch)

    looked_at = dataset.map(check, num_parallel_calls=tf.data.AUTOTUNE)
    if are_images:
        nothing = (tf.constant(float("inf")), tf.constant(float("-inf")), tf.constant(0))
        finished = looked_at.scan(nothing, of_all)
    else:
        finished = looked_at.map(lambda batch, _: batch)
    if rows is None and needed > 1:
        finished = finished.enumerate().filter(_enough(minibatches, needed)).map(lambda _, batch: batch)
    return finished.prefetch(tf.data.AUTOTUNE)


def as_trained(data, num_classes):
    """Return a batch as the training takes it: images float32 in [-1, 1], and labels int32 [N] or `None`.

    Args:
        data: images, or a pair of images and labels (integers [N] or [N, 1], or one-hot [N, num_classes]).
        num_classes: number of classes, or `None` where labels are to be ignored.
    """
    images, labels = data if isinstance(data, (tuple, list)) else (data, None)
    images = tf.convert_to_tensor(images)
    images = image_values.to_float(images) if images.dtype == tf.uint8 else tf.cast(images, tf.float32)
    if num_classes is None:
        return images, None
    if labels is None:
        raise ValueError(f"{MARK}expected (images, labels), as num_classes={num_classes}; got images alone")
    labels = tf.convert_to_tensor(labels)
    if _is_one_hot(labels, num_classes):
        labels = tf.argmax(_numbers(labels), axis=1)
    return images, tf.cast(labels[:, 0] if labels.shape.rank == 2 else labels, tf.int32)


def raise_error(error):
    """Raise a short `ValueError` if a TensorFlow error comes from these checks or an image file."""
    assertion = re.search(rf"assertion failed: \[({MARK}.*)\]$", error.message, re.MULTILINE)
    if assertion:
        raise ValueError(assertion[1].replace("] [", " ").replace(" ;", ";")) from None
    unreadable = re.search(r"ValueError: (.* cannot be decoded: .*)$", error.message, re.MULTILINE)
    if unreadable:
        raise ValueError(unreadable[1]) from None


def _check_class_numbers(gan, names):
    """Raise unless the labels of a dataset with names of its classes are the model's."""
    names = classes.checked(list(names), argument=f"{MARK}class_names")
    if names == classes.unnamed(len(names)):
        return
    way = "kerasgan.data.load(..., class_names=gan.class_names) gives labels their numbers in the model"
    numbers, _ = classes.matched(gan.class_names, gan.num_classes, names, MARK.strip(" :"))
    for number, (name, own) in enumerate(zip(names, numbers or ())):
        if number != own:
            raise ValueError(
                f"{MARK}expected the model's labels, in which {name!r} is {own}; here it is {number}: {way}"
            )


def _ends(data, steps_per_epoch):
    """Raise unless an epoch ends, and has a step."""
    cardinality = data.cardinality
    count = int(cardinality() if callable(cardinality) else cardinality)
    if count == tf.data.INFINITE_CARDINALITY and steps_per_epoch is None:
        raise ValueError(
            "steps_per_epoch: expected a number, as the training data have no end (they are repeated), nor would the "
            "first epoch; got None"
        )
    if count == 0:
        raise ValueError(
            f"{MARK}expected a batch at least; there is none (with drop_remainder=True, fewer rows than a batch has)"
        )


def _checked_structure(spec, image_shape, num_classes):
    """Raise unless the elements are what can be trained on; returns the `tf.TensorSpec` of the images."""
    parts = tuple(spec) if isinstance(spec, (tuple, list)) else (spec,)
    images = parts[0] if parts else None
    if len(parts) > 2:
        raise ValueError(
            f"{MARK}expected images or (images, labels), without weights of samples; got {len(parts)} parts: "
            f"{str(spec)[:200]}"
        )
    if not isinstance(images, tf.TensorSpec):
        way = '; data.map(lambda example: (example["image"], example["label"])) may do' if parts == (spec,) else ""
        raise ValueError(f"{MARK}expected images or (images, labels); got {str(spec)[:200]}{way}")
    if images.shape.rank != 1 + len(image_shape) or not images.shape[1:].is_compatible_with(image_shape):
        single = images.shape.is_compatible_with(image_shape) and images.shape.rank is not None
        way = "; data.batch(64) makes batches" if single else ""
        if images.shape.rank is not None:
            way = way or training_arrays.axes_way(images.shape[1:].as_list(), image_shape)
        else:
            way = f"; data.map(lambda images: tf.ensure_shape(images, {[None, *image_shape]})) tells it"
        raise ValueError(
            f"{MARK}expected batches of images of shape {image_shape}, as the generator makes; got {images.shape}{way}"
        )
    if not images.dtype.is_floating and (images.dtype != tf.uint8 or len(image_shape) != 3):
        wanted = "images as uint8 or as floats in [-1, 1]" if len(image_shape) == 3 else "values as floats"
        raise ValueError(f"{MARK}expected {wanted}; got {images.dtype.name}")
    if num_classes is not None:
        if len(parts) < 2:
            raise ValueError(f"{MARK}expected (images, labels), as num_classes={num_classes}; got images alone")
        labels = parts[1]
        if not isinstance(labels, tf.TensorSpec) or not (
            _is_one_hot(labels, num_classes)
            or (labels.dtype.is_integer and (labels.shape.rank == 1 or labels.shape[1:] == (1,)))
        ):
            raise ValueError(
                f"{MARK}expected integer labels of shape [N] or [N, 1], or one-hot ones of shape [N, {num_classes}]; "
                f"got {str(labels)[:200]}"
            )
        if not labels.shape[:1].is_compatible_with(images.shape[:1]):
            raise ValueError(f"{MARK}{_A_LABEL_EACH} {images.shape[0]} {labels.shape[0]}")
    return images


def _is_one_hot(labels, num_classes):
    number = labels.dtype.is_integer or labels.dtype.is_floating or labels.dtype.is_bool
    return num_classes > 1 and number and labels.shape.rank == 2 and labels.shape[1] == num_classes


def _numbers(labels):
    return tf.cast(labels, tf.int8) if labels.dtype.is_bool else labels


def _class_checks(labels, num_classes):
    if _is_one_hot(labels, num_classes):
        labels = _numbers(labels)
        ones = tf.reduce_all((labels == 0) | (labels == 1), axis=1)
        single = tf.reduce_sum(tf.cast(labels, tf.float32), axis=1) == 1
        return [_assert(tf.reduce_all(ones & single), "expected one-hot labels, a single 1 a row and else 0")]
    labels = tf.cast(labels, tf.int64)  # a narrow type may not hold num_classes
    low, high = tf.reduce_min(labels), tf.reduce_max(labels)
    inside = (low >= 0) & (high < num_classes)
    from_one = (low == 1) & (high == num_classes)
    return [
        _assert(inside | from_one, f"expected labels in [0, {num_classes}); lowest and highest:", low, high),
        _assert(inside, f"expected labels in [0, {num_classes}); they seem to count from 1: give labels - 1"),
    ]


def _are_finite(values):
    return tf.reduce_all(tf.math.is_finite(values))


def _range(images):
    """Lowest and highest value of images, and how many of them are not of one value."""
    inner = list(range(1, images.shape.rank))
    lows = tf.cast(tf.reduce_min(images, axis=inner), tf.float32)
    highs = tf.cast(tf.reduce_max(images, axis=inner), tf.float32)
    return tf.reduce_min(lows), tf.reduce_max(highs), tf.math.count_nonzero(highs > lows, dtype=tf.int32)


def _enough(minibatches, needed):
    """Return a filter of numbered batches that lets those of enough rows pass.

    It warns once of a batch that has fewer, and once where the first loses rows; the last of a pass may lose some.
    """
    told = set()

    def look(rows):
        few = rows < needed
        if few not in told:
            told.add(few)
            why = f"a step needs {needed}, {_why(minibatches, needed)}"
            lost = f"{MARK}a batch of {rows} rows is left out: {why}" if few else _rows_left_out(rows, minibatches)
            warnings.warn(lost, stacklevel=2)
        return not few

    def enough(number, batch):
        rows = tf.shape(tf.nest.flatten(batch)[0])[0]
        fine = (rows >= needed) & ((number > 0) | (rows % minibatches == 0))
        return tf.cond(fine, lambda: True, lambda: tf.numpy_function(look, [rows], tf.bool, stateful=True))

    return enough


def _rows_left_out(rows, minibatches):
    lost = rows % minibatches
    return (
        f"{MARK}{lost} of a batch's {rows} rows {'is' if lost == 1 else 'are'} left out: a step divides them into "
        f"{minibatches} minibatches of {rows // minibatches}; batches of {rows - lost} or {rows - lost + minibatches} "
        "rows lose none"
    )


def _why(minibatches, needed):
    each = needed // minibatches
    return f"{each} for each of {minibatches} minibatches{' (replicas times parts)' if each > 1 else ''}"


def _assert(condition, message, *values):
    return tf.debugging.Assert(condition, [f"{MARK}{message}", *values])


def _look_at_first(distributed, gan):
    """Check the first batch of a `tf.distribute.DistributedDataset`, whose later ones cannot be checked."""
    first = next(iter(distributed))
    parts = [
        gan.distribute_strategy.experimental_local_results(part)
        for part in (first if isinstance(first, (tuple, list)) else [first])
    ]
    if not all(isinstance(tensor, tf.Tensor) for part in parts for tensor in part):
        raise ValueError(
            "x: expected the data of the strategy in whose scope the model was made; got a DistributedDataset of "
            "another one"
        )
    for local in zip(*parts):
        if not len(local[0]):
            continue
        batch = local if len(local) > 1 else local[0]
        one = tf.data.Dataset.from_tensors(batch)
        try:
            list(of_dataset(one, gan.image_shape, gan.num_classes, gan.batches_per_step, gan.batches_per_step))
        except tf.errors.OpError as error:
            raise_error(error)
            raise
