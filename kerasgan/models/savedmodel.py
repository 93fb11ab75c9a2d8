"""SavedModels for TensorFlow Serving."""

import json
import pathlib
import re

import numpy as np
import tensorflow as tf
from keras.export import ExportArchive

from kerasgan.models import checks
from kerasgan.utils import atomic_files, destinations

_FORMATS = {".onnx": "onnx", ".tflite": "litert", ".xml": "openvino", ".keras": "keras"}  # files of other exports


def export(gan, filepath, overwrite=False):
    """Write a GAN's generator as one version of a served model.

    The SavedModel has these signatures. All inputs have the batch as their first dimension, and a row of the output
    depends on that row of the inputs alone.

    - `serving_default`: `seed` int64 [N], `truncation` float32 [N] (bound on |z|; infinity for none) and, for a
      conditional model, `label` int64 [N] -> `images` uint8 [N, H, W, C].
    - `png`: the same inputs -> `image_bytes` string [N], a PNG file each (1, 3 or 4 channels only).
    - `between` and `between_png`: also `to_seed` int64 [N] and `position` float32 [N] in [0, 1] -> the same outputs, of
      images on the way from the seed's to the other seed's; each is a sample like any other.
    - `latent`: `z` float32 [N, D], for a conditional model `label` int64 [N], and for one with statistics for each
      truncation `truncation` float32 [N] -> `images`.

    A label outside [0, num_classes), a truncation that is not positive, a position outside [0, 1], a z that is not
    finite, or inputs of other shapes or lengths fail with INVALID_ARGUMENT. `assets.extra/kerasgan.json`, which
    TensorFlow Serving passes over, tells `num_classes` and `class_names` (null without), `image_shape` and
    `independent_rows`: whether two samples made together are those made one by one. `kerasgan serve` computes a large
    request in slices of rows if so.

    Args:
        gan: a `kerasgan.Sampler`, such as a `GAN`.
        filepath: folder to write, its name the version: a positive integer, as TensorFlow Serving requires. It
            appears complete or not at all.
        overwrite: whether an existing version may be replaced.

    Raises:
        ValueError: if the folder's name is not a version, or the model does not make images or has weights that are not
            finite.
        FileExistsError: if the version exists and `overwrite` is false, or the folder holds something else.
        OSError: if the folder cannot be written.
    """
    target = pathlib.Path(filepath)
    may_write(target, overwrite)
    checks.makes_images(gan)
    gan.prepare_sampling()
    for model in (gan.sampling_generator, gan.sampling_latent):
        checks.finite_weights(model, "gan")
    archive = _archive(gan)
    try:
        with atomic_files.replace_folder(target) as folder:
            archive.write_out(str(folder), verbose=False)
            (folder / "assets.extra").mkdir(exist_ok=True)
            facts = {
                "num_classes": gan.num_classes,
                "class_names": gan.class_names,
                "image_shape": gan.image_shape,
                "independent_rows": _has_independent_rows(gan),
            }
            (folder / "assets.extra" / "kerasgan.json").write_text(json.dumps(facts))
    except tf.errors.OpError as error:  # TensorFlow's own writer
        reason = error.message.rsplit("; ", 1)[-1].split(" [Op:")[0]
        raise OSError(f"cannot write {target}: {reason}") from error


def may_write(filepath, overwrite=False):
    """Raise what `export` raises before it computes: `ValueError` or `FileExistsError`."""
    target = pathlib.Path(filepath)
    if not re.fullmatch("[0-9]{1,19}", target.name, re.ASCII) or not 0 < int(target.name) < 2**63:
        kind = _FORMATS.get(target.suffix)
        way = f"; for such a file say --format {kind}, or export_{kind}" if kind else ""
        raise ValueError(f"filepath: expected a folder named by a version, such as {target / '1'}; got {target}{way}")
    destinations.folder_may_be_written("filepath", target, overwrite, _is_version, "a version that was exported")


def _is_version(folder):
    return (folder / "saved_model.pb").is_file()


def _archive(gan):
    conditional = gan.num_classes is not None
    archive = ExportArchive()
    archive.track(gan.sampling_generator)
    archive.track(gan.sampling_latent)

    seeded = {
        "seed": tf.TensorSpec([None], tf.int64, name="seed"),
        "truncation": tf.TensorSpec([None], tf.float32, name="truncation"),
    }
    latent = {"z": tf.TensorSpec([None, gan.latent.dim], tf.float32, name="z")}
    if conditional:
        label = tf.TensorSpec([None], tf.int64, name="label")
        seeded["label"] = latent["label"] = label
    if gan.takes_truncation:
        latent["truncation"] = seeded["truncation"]
    between = seeded | {
        "to_seed": tf.TensorSpec([None], tf.int64, name="to_seed"),
        "position": tf.TensorSpec([None], tf.float32, name="position"),
    }

    def images(inputs):
        inputs = _of_one_length(inputs)
        truncation = _checked_truncation(inputs["truncation"])
        label = checked_label(inputs)
        if "position" not in inputs:
            return gan.images_from_seeds(inputs["seed"], truncation, label)
        position = _checked_position(inputs["position"])
        return gan.images_between(inputs["seed"], inputs["to_seed"], position, truncation, label)

    def checked_label(inputs):
        return _checked_label(inputs["label"], gan.num_classes) if conditional else None

    def arrays(inputs):
        return {"images": images(inputs)}

    def png_files(inputs):
        return {"image_bytes": tf.io.encode_png(images(inputs))}

    def from_latent(inputs):
        inputs = _of_one_length(inputs)
        truncation = _checked_truncation(inputs["truncation"]) if gan.takes_truncation else None
        z = _asserted(inputs["z"], tf.reduce_all(tf.math.is_finite(inputs["z"])), "z: expected finite numbers")
        return {"images": gan.images_from_latents(z, checked_label(inputs), truncation)}

    archive.add_endpoint("serving_default", arrays, input_signature=[seeded])
    archive.add_endpoint("between", arrays, input_signature=[between])
    if gan.image_shape[-1] in (1, 3, 4):
        archive.add_endpoint("png", png_files, input_signature=[seeded])
        archive.add_endpoint("between_png", png_files, input_signature=[between])
    archive.add_endpoint("latent", from_latent, input_signature=[latent])
    return archive


def _has_independent_rows(gan):
    """Whether two samples are the same made together and one by one, beside what tells one from the other."""
    inputs = [np.random.default_rng(0).standard_normal((2, gan.latent.dim), np.float32)]
    if gan.num_classes is not None:
        inputs.append(np.zeros(2, np.int32))
    if gan.takes_truncation:
        inputs.append(np.ones(2, np.float32))

    def made(rows):
        parts = [part[rows] for part in inputs]
        return np.asarray(gan(parts if len(parts) > 1 else parts[0], training=False), np.float64)

    together = made(slice(0, 2))
    alone = np.concatenate([made(slice(0, 1)), made(slice(1, 2))])
    between = np.abs(together[0] - together[1]).max()
    return bool(np.abs(together - alone).max() <= 1e-6 + 0.01 * between)


def _checked_label(label, num_classes):
    inside = tf.reduce_all((label >= 0) & (label < num_classes))
    return _asserted(label, inside, f"label: expected integers in [0, {num_classes})")


def _checked_truncation(truncation):
    return _asserted(truncation, tf.reduce_all(truncation > 0), "truncation: expected numbers above 0 (1e9 for none)")


def _checked_position(position):
    inside = tf.reduce_all((position >= 0) & (position <= 1))
    return _asserted(position, inside, "position: expected numbers in [0, 1]")


def _of_one_length(inputs):
    """Inputs that must have as many rows each, and the shapes of the signature, which servers do not look at."""
    inputs = _of_their_shapes(inputs)
    rows = tf.stack([tf.shape(value)[0] for value in inputs.values()])
    checked = _asserted(rows, tf.reduce_all(rows == rows[0]), f"{', '.join(inputs)}: expected as many of each")
    with tf.control_dependencies([checked]):
        return {name: tf.identity(value) for name, value in inputs.items()}


def _of_their_shapes(inputs):
    shapes, right, wanted = [], [], []
    for value in inputs.values():
        [_, *inner] = value.shape
        shapes.append(tf.raw_ops.Shape(input=value))  # that of what came; `tf.shape` may take the signature's word
        right.append(tf.equal(tf.raw_ops.Size(input=shapes[-1]), 1 + len(inner)))
        if inner:
            right.append(tf.reduce_all(shapes[-1][-1:] == inner[-1]))
        wanted.append(f"[{', '.join(['N', *map(str, inner)])}]")
    expected = f"{', '.join(inputs)}: expected arrays of the shapes {', '.join(wanted)}; got those of the shapes"
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(tf.stack(right)), [expected, *shapes])]):
        return {name: tf.identity(value) for name, value in inputs.items()}


def _asserted(value, condition, expected):
    check = tf.debugging.Assert(condition, [f"{expected}; got", value], summarize=64)
    with tf.control_dependencies([check]):
        return tf.identity(value)
