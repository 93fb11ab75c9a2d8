"""A folder of image files, flat or with one subfolder a class."""

import concurrent.futures
import functools
import os
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from kerasgan import arguments
from kerasgan.data import fingerprints
from kerasgan.data.source import Source

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_NOT_OURS = ("thumbs.db", "desktop.ini")


def folder(path, channels=3):
    """Images from the files of a folder, in the order of their sorted paths.

    Either the images lie directly in the folder (no labels), or there is one subfolder a class, in sorted
    order, and images anywhere below it belong to the class. Hidden files are passed over. Every file's header
    is read at once; the rest of a file is read when it is needed.

    Args:
        path: the folder. Files end in png, jpg, jpeg, webp, bmp or gif, in either case.
        channels: 1 for grey, 3 for RGB, 4 for RGBA. Without 4, transparent pixels are shown on white.

    Returns:
        A `Source`. Images are turned upright as their EXIF data say; of an animation the first frame is used.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it has no images, or naming a file that is not an image or cannot be read. A file
            damaged past its header is named by the `tf.errors.OpError` of the step that reads it.
    """
    channels = arguments.channels(channels)
    path = pathlib.Path(path).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(f"path: no folder at {path}")
    files, labels, class_names = _listed(path)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for problem in pool.map(_problem, files):
            if problem:
                pool.shutdown(cancel_futures=True)
                raise ValueError(problem)

    def decoded(file, label):
        image = tf.numpy_function(lambda name: _decode(name, channels), [file], tf.uint8, stateful=False)
        return tf.ensure_shape(image, [None, None, channels]), label

    names = [os.fsencode(file) for file in files]
    examples = tf.data.Dataset.from_tensor_slices((names, np.array(labels, np.int64)))
    examples = examples.map(decoded, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    fingerprint = functools.partial(fingerprints.of_files, path, files, channels)
    return Source(examples, len(files), class_names, path.resolve().name, fingerprint=fingerprint)


def _listed(path):
    """(files, labels, class names or None) of a folder."""
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    classes = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir() and entry.name.lower() not in _NOT_OURS]
    if classes and files:
        raise ValueError(
            f"path: {path} has both class folders and files ({classes[0].name}/ and {files[0].name}); "
            "expected either images only or one folder a class"
        )
    if not classes:
        if not files:
            raise ValueError(f"path: no images in {path}; expected {', '.join(SUFFIXES)}")
        return files, [-1] * len(files), None
    labels = []
    for label, entry in enumerate(classes):
        inside = _below(entry)
        if not inside:
            raise ValueError(f"path: no images in {entry}; expected {', '.join(SUFFIXES)}")
        files += inside
        labels += [label] * len(inside)
    return files, labels, tuple(entry.name for entry in classes)


def _below(entry):
    found = []
    for file in sorted(entry.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(entry).parts)
        if not hidden and not file.is_dir() and file.name.lower() not in _NOT_OURS:
            found.append(file)
    return found


def _problem(file):
    """What is wrong with a file as far as its header tells, or None."""
    if file.suffix.lower() not in SUFFIXES:
        return f"path: {file} is not an image; expected {', '.join(SUFFIXES)}"
    try:
        with Image.open(file):
            return None
    except Exception as error:
        reason = "it is empty" if file.is_file() and not file.stat().st_size else error
        return f"path: {file} cannot be read as an image: {reason}"


def _decode(name, channels):
    """The file called `name` (bytes) as uint8 [height, width, channels]."""
    file = os.fsdecode(name)
    try:
        with Image.open(file) as image:
            return _converted(ImageOps.exif_transpose(image), channels)
    except Exception as error:
        raise ValueError(f"{file} cannot be decoded: {error}") from error


def _converted(image, channels):
    if image.mode.startswith("I"):
        # Pillow clips 16-bit grey at 255 instead of scaling it
        levels = (np.asarray(image, np.int64) + 128) // 257
        image = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    if channels != 4 and image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    array = np.asarray(image.convert(_MODES[channels]))
    return array[..., np.newaxis] if channels == 1 else array
