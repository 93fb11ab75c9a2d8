"""A folder of image files, flat or with one subfolder a class."""

import concurrent.futures
import functools
import os
import pathlib

import numpy as np
import tensorflow as tf

from kerasgan.data import bucket, fingerprints, picture_file
from kerasgan.data.picture_file import shown
from kerasgan.data.source import Source
from kerasgan.utils import validation
from kerasgan.utils.annotations import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
_NOT_OURS = ("thumbs.db", "desktop.ini", "__macosx")


def folder(path: Path, channels: int = 3) -> Source:
    """Images from the files of a folder, in the order of their sorted paths.

    Either the images lie directly in the folder (no labels), or there is one subfolder a class, in sorted
    order, and images anywhere below it belong to the class, also through symbolic links. Hidden files are passed
    over. Every file's header is read at once; the rest of a file is read when it is needed.

    Args:
        path: the folder, or its address in a bucket, see `kerasgan.data.bucket.local`. Files end in png, jpg, jpeg,
            webp, bmp or gif, in either case, and are of one of these formats.
        channels: 1 for grey, 3 for RGB, 4 for RGBA. Without 4, transparent pixels are shown on white.

    Returns:
        A `Source`. Images are turned upright as their EXIF data say; of an animation the first frame is used.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it has no images, or naming a file that is not an image, cannot be read, or has more than
            `PIL.Image.MAX_IMAGE_PIXELS`. A file damaged past its header is named by the `tf.errors.OpError` of the step
            that reads it.

    Example:
        >>> source = kerasgan.data.folder("pictures", channels=1)  # pictures/boots/1.png, pictures/coats/7.png, ...
        >>> source.class_names
        ('boots', 'coats')
    """
    channels = validation.channels(channels)
    path = pathlib.Path(bucket.local(path)).expanduser()
    if not path.is_dir():
        there = "; a file is there: expected a folder of pictures, or an .npz file" if path.exists() else ""
        raise FileNotFoundError(f"path: no folder at {path}{there}")
    files, labels, class_names = listed(path)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for problem in pool.map(_problem, files):
            if problem:
                pool.shutdown(cancel_futures=True)
                raise ValueError(problem)

    def decode(name):
        return picture_file.decoded(os.fsdecode(name), channels)

    def decoded(file, label):
        image = tf.numpy_function(decode, [file], tf.uint8, stateful=False)
        return tf.ensure_shape(image, [None, None, channels]), label

    names = [os.fsencode(file) for file in files]
    examples = tf.data.Dataset.from_tensor_slices((names, np.array(labels, np.int64)))
    examples = examples.map(decoded, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    fingerprint = functools.partial(fingerprints.of_files, path, files, channels)
    key = functools.partial(fingerprints.of_times, path, files, channels)
    return Source(examples, len(files), class_names, path.resolve().name, fingerprint, key)


def listed(path):
    """Return (files, labels, class names or `None`) of a folder; see `folder`."""
    entries = sorted(path.iterdir())
    entries = [entry for entry in entries if not entry.name.startswith(".") and entry.name.lower() not in _NOT_OURS]
    classes = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir()]
    if classes and files:
        raise ValueError(
            f"path: {shown(path)} has both class folders and files ({shown(classes[0].name)}/ and "
            f"{shown(files[0].name)}); expected either images only or one folder a class"
        )
    if not classes:
        if not files:
            raise ValueError(f"path: no images in {shown(path)}; expected {', '.join(SUFFIXES)}")
        return files, [-1] * len(files), None
    labels = []
    for label, entry in enumerate(classes):
        inside = _below(entry)
        if not inside:
            raise ValueError(
                f"path: no images in {shown(entry)}; expected {', '.join(SUFFIXES)} there, or no such folder, as each "
                "is a class"
            )
        files += inside
        labels += [label] * len(inside)
    return files, labels, tuple(entry.name for entry in classes)


def _below(folder, above=()):
    """Files anywhere in a folder, in sorted order."""
    real, paths = folder.resolve(), []
    if real in above:
        raise ValueError(f"path: the link {shown(folder)} leads back to {shown(real)}, which it is in")
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name.lower() in _NOT_OURS:
            continue
        paths += _below(entry, (*above, real)) if entry.is_dir() else [entry]
    return paths


def _problem(file):
    """What is wrong with a file as far as its header tells, or None."""
    if file.suffix.lower() not in SUFFIXES:
        return f"path: {shown(file)} is not an image; expected {', '.join(SUFFIXES)}"
    try:
        with picture_file.opened(file):
            return None
    except Exception as error:  # Pillow's plugins each raise their own
        return f"path: {shown(file)} cannot be read as an image: {picture_file.reason(error)}"
