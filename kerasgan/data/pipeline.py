"""From a source of images to the batches of a training step."""

import functools
from collections.abc import Sequence

import tensorflow as tf

from kerasgan.data import disk_cache
from kerasgan.data.images import to_float
from kerasgan.data.source import Source
from kerasgan.data.tfds_source import tfds
from kerasgan.utils import classes, validation
from kerasgan.utils.annotations import Path

_SHUFFLE_BYTES = 2**30
_GREY_WEIGHTS = (0.2989, 0.587, 0.114)


def steps_per_epoch(source: Source, batch_size: int = 64, critic_steps: int = 1) -> int:
    """How many training steps one pass over a `Source` gives: count // (batch_size * critic_steps).

    Raises:
        ValueError: if that is none at all.
    """
    batch_size = validation.integer("batch_size", batch_size, 1)
    critic_steps = validation.integer("critic_steps", critic_steps, 1)
    if source.count < batch_size * critic_steps:
        raise ValueError(
            f"source: {source.name} has {source.count} images, but one step needs "
            f"{batch_size * critic_steps} (batch_size {batch_size} x critic_steps {critic_steps}); give a smaller "
            "batch_size (--set data.batch_size=N)"
        )
    return source.count // (batch_size * critic_steps)


def load(
    source: Source | str,
    image_size: int = 32,
    channels: int | None = None,
    batch_size: int = 64,
    critic_steps: int = 1,
    labels: bool = False,
    split: str = "train",
    data_dir: Path | None = None,
    center_crop: bool = True,
    seed: int = 0,
    repeat: bool = False,
    start_step: int = 0,
    shuffle_buffer: int | None = None,
    cache: bool | Path = True,
    class_names: Sequence[str] | None = None,
    mirror: bool = False,
) -> tf.data.Dataset:
    """Shuffled batches of real images, one element a training step.

    Args:
        source: a `Source` (see `tfds`, `folder`, `arrays`), or the name of a TFDS dataset.
        image_size: height and width of the images that come out. Others are resized (bilinear, antialiased).
        channels: 1 (grey), 3 (RGB) or 4 (RGBA); as the source has them where None. Transparent pixels are
            shown on white where alpha is dropped.
        batch_size: images of one minibatch.
        critic_steps: minibatches of one training step, each of fresh images: `gan.batches_per_step`, which may be more
            than the critic's steps.
        labels: whether to give labels too.
        split: of the TFDS dataset, where source is a name.
        data_dir: TFDS's folder, where source is a name.
        center_crop: cut the largest square out of the middle of an oblong image; where False it is squeezed.
        seed: integer of at least 0. Epoch e's order depends on (seed, e) alone, whatever TensorFlow's global
            seed.
        repeat: False: each `iter()` is one epoch, in another order each time. True: one endless stream.
        start_step: with repeat, begin where a stream that was read this many steps would go on.
        shuffle_buffer: how many images are shuffled at a time; all of them where None, up to 1 GiB.
        cache: True: keep the resized uint8 images in memory. False: read them anew each epoch. A path: keep
            them in a folder whose name begins so, see `kerasgan.data.disk_cache`; it is written at once, unless it is
            there. Other images, labels, sizes, channels or another `center_crop` have a folder of their own.
        class_names: with labels, the names whose places the labels shall be, such as those of a model that is trained
            further (`gan.class_names`); the source's own by default. The source may lack some.
        mirror: whether to show each image mirrored, left and right, half of the time. The model then makes both, so it
            is for what may face either way: not for letters, digits or shoes that all point to the left.

    Returns:
        A `tf.data.Dataset` of float32 [batch_size * critic_steps, image_size, image_size, channels] in
        [-1, 1]; with labels, of pairs with int32 [batch_size * critic_steps]. The remainder of an epoch is
        dropped. Its cardinality is `steps_per_epoch`, infinite with repeat. With labels it has the attribute
        `class_names`, as Keras's datasets of folders have, by which `fit` sees whether the labels are the model's; and
        by `batches_per_step` whether batches have the rows of its steps.

    Raises:
        ValueError: naming the argument, what was given and what was expected; if the source has no labels, classes that
            are not among `class_names`, or fewer images than one step needs; if `cache` is a path and nothing tells the
            source from others, or its files change while they are read.
        ConnectionError: as `tfds`.
        OSError: if the cache cannot be written.

    Example:
        >>> source = kerasgan.data.arrays(images, labels)  # or tfds("fashion_mnist"), folder("pictures"), ...
        >>> data = kerasgan.data.load(source, image_size=32, batch_size=64, critic_steps=5, labels=True)
        >>> [(batch.shape[0], numbers.shape[0]) for batch, numbers in data]  # one element a training step
        [(320, 320)]
    """
    image_size = validation.integer("image_size", image_size, 1)
    batch_size = validation.integer("batch_size", batch_size, 1)
    critic_steps = validation.integer("critic_steps", critic_steps, 1)
    seed = validation.integer("seed", seed, 0)
    start_step = validation.integer("start_step", start_step, 0)
    if start_step and not repeat:
        raise ValueError(f"start_step: {start_step} needs repeat=True")
    if shuffle_buffer is not None:
        shuffle_buffer = validation.integer("shuffle_buffer", shuffle_buffer, 1)
    if channels is not None:
        channels = validation.channels(channels)
    source = _as_source(source, split, data_dir)
    if labels and source.class_names is None:
        raise ValueError(f"labels: True, but {source.name} has no labels")
    if class_names is not None and not labels:
        raise ValueError("class_names: expected only with labels=True; got labels=False")
    numbers = None
    if class_names is not None:
        class_names = classes.checked(class_names)
        numbers, _ = classes.matched(class_names, len(class_names), source.class_names, source.name, "class_names")
    steps = steps_per_epoch(source, batch_size, critic_steps)
    shape = (image_size, image_size, channels or source.channels)

    examples = source.examples.map(
        lambda image, label: (_fitted(image, shape, center_crop), tf.cast(label, tf.int32)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if cache is True:
        examples = examples.cache()
    elif cache is not False:
        examples = disk_cache.kept(examples, cache, source, (shape, center_crop))
    buffer = shuffle_buffer or min(source.count, max(1, _SHUFFLE_BYTES // (shape[0] * shape[1] * shape[2])))

    rows = batch_size * critic_steps
    if repeat:
        batches = endless(examples, buffer, rows, seed, steps, start_step, mirror)
    else:
        # the concrete function, as five calls of new functions make TensorFlow warn of retracing
        traced = tf.function(functools.partial(_epoch, examples, buffer, rows, seed, mirror)).get_concrete_function(
            tf.TensorSpec([], tf.int64)
        )
        batches = traced(tf.constant(0, tf.int64))

    def finished(images, given):
        if not labels:
            return to_float(images)
        return to_float(images), given if numbers is None else tf.gather(tf.constant(numbers, tf.int32), given)

    dataset = batches.map(finished, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    dataset.batches_per_step = critic_steps
    if labels:
        dataset.class_names = class_names or source.class_names
    return dataset


def endless(
    examples: tf.data.Dataset, buffer: int, rows: int, seed: int, steps: int, start_step: int, mirror: bool = False
):
    """Return batches of shuffled examples without end, each epoch in an order that seed and its number give.

    Args:
        examples: `tf.data.Dataset`.
        buffer: examples that are shuffled at a time.
        rows: of a batch; an epoch's remainder is dropped.
        seed: integer of at least 0.
        steps: batches of an epoch.
        start_step: how many batches have been read before.
        mirror: whether examples are pairs of an image and a label, of which half of the images are mirrored.
    """
    epoch = functools.partial(_epoch, examples, buffer, rows, seed, mirror)
    batches = tf.data.Dataset.range(start_step // steps, tf.int64.max).flat_map(epoch).skip(start_step % steps)
    return batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))


def _epoch(examples, buffer, rows, seed, mirror, number):
    # Inside a traced function this is the function's own seed, not the program's. It must not be 0.
    tf.compat.v1.set_random_seed(1 + seed % (2**31 - 2))
    batches = examples.shuffle(buffer, seed=number).batch(rows, drop_remainder=True)
    if not mirror:
        return batches
    # another seed than the order's: of the same one the same random numbers would choose place and side
    coins = tf.data.Dataset.random(seed=-1 - number, rerandomize_each_iteration=True).map(lambda it: it < 2**31)
    return tf.data.Dataset.zip(batches, coins.batch(rows, drop_remainder=True)).map(_mirrored)


def _mirrored(example, chosen):
    images, labels = example
    return tf.where(chosen[:, None, None, None], tf.reverse(images, [2]), images), labels


def in_order(
    source: Source, image_size: int = 32, channels: int | None = None, batch_size: int = 100, center_crop: bool = True
) -> tf.data.Dataset:
    """All images of a source once, in its order: for measuring, where `load` is for training.

    Args:
        source: a `Source`.
        image_size: as for `load`.
        channels: as for `load`.
        batch_size: images of a batch; the last may be smaller.
        center_crop: as for `load`.

    Returns:
        A `tf.data.Dataset` of pairs of uint8 [N, image_size, image_size, channels] and int64 [N], the same images as
        `load` gives in [-1, 1]. Labels are -1 where the source has none.

    Raises:
        ValueError: naming the argument that is wrong.
    """
    image_size = validation.integer("image_size", image_size, 1)
    shape = (image_size, image_size, source.channels if channels is None else validation.channels(channels))
    examples = source.examples.map(
        lambda image, label: (_fitted(image, shape, center_crop), label),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return examples.batch(validation.integer("batch_size", batch_size, 1)).prefetch(tf.data.AUTOTUNE)


def _as_source(source, split, data_dir):
    if isinstance(source, str):
        return tfds(source, split=split, data_dir=data_dir)
    if not isinstance(source, Source):
        raise ValueError(
            f"source: expected a kerasgan.data.Source or the name of a TFDS dataset, got {type(source).__name__}"
        )
    if split != "train" or data_dir is not None:
        raise ValueError("split and data_dir go with the name of a TFDS dataset, not with a Source")
    return source


def _fitted(image, shape, center_crop):
    """uint8 [h, w, c] to uint8 of `shape`, cropped, resized and converted as `load` says."""
    if center_crop:
        image = _central_square(image)
    values = tf.cast(image, tf.float32)
    if values.shape[-1] == 4 and shape[-1] != 4:
        alpha = values[..., 3:] / 255.0
        values = values[..., :3] * alpha + 255.0 * (1.0 - alpha)
    if values.shape[:2] != shape[:2]:
        values = _resized(values, shape[:2])
    values = _with_channels(values, shape[-1])
    values = tf.clip_by_value(tf.floor(values + 0.5), 0.0, 255.0)
    return tf.ensure_shape(tf.cast(values, tf.uint8), shape)


def _resized(values, size):
    """Float [h, w, c] in [0, 255] to [*size, c], bilinear and antialiased; colours count as much as they are seen."""
    # where nothing shrinks antialiasing changes nothing, and is three times slower
    grows = None not in values.shape[:2] and values.shape[0] <= size[0] and values.shape[1] <= size[1]

    def resize(values):
        return tf.image.resize(values, size, method="bilinear", antialias=not grows)

    if values.shape[-1] != 4:
        return resize(values)
    if values.shape.is_fully_defined():
        return _resized_rgba(values, resize)
    same = tf.reduce_all(tf.equal(tf.shape(values)[:2], size))  # then colours that nobody sees stay too
    return tf.cond(same, lambda: tf.ensure_shape(values, [*size, 4]), lambda: _resized_rgba(values, resize))


def _resized_rgba(values, resize):
    colours, alpha = values[..., :3], values[..., 3:]
    premultiplied = resize(tf.concat([colours * alpha, alpha], axis=-1))
    alpha = premultiplied[..., 3:]
    return tf.concat([tf.math.divide_no_nan(premultiplied[..., :3], alpha), alpha], axis=-1)


def _central_square(image):
    height, width = image.shape[:2]
    if height is None or width is None:
        height, width = tf.unstack(tf.shape(image)[:2])
        side = tf.minimum(height, width)
    else:
        side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]


def _with_channels(values, channels):
    """Float [h, w, c] in [0, 255] with `channels` channels."""
    if values.shape[-1] == 3 and channels == 1:
        return tf.reduce_sum(values * tf.constant(_GREY_WEIGHTS), axis=-1, keepdims=True)
    if values.shape[-1] == 1 and channels != 1:
        values = tf.repeat(values, 3, axis=-1)
    if values.shape[-1] == 3 and channels == 4:
        return tf.concat([values, tf.fill([*tf.unstack(tf.shape(values)[:2]), 1], 255.0)], axis=-1)
    return values
