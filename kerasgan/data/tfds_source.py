"""Images out of TensorFlow Datasets (TFDS), which is imported only when it is needed."""

import contextlib
import functools
import pathlib
import tempfile
import urllib.parse
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from absl import logging

from kerasgan.data import fashion_mnist, fingerprints
from kerasgan.data.source import Source
from kerasgan.utils import cache_root
from kerasgan.utils.annotations import Path
from kerasgan.utils.messages import did_you_mean, quoted, shortened

if TYPE_CHECKING:
    import tensorflow_datasets

_REACH_SECONDS = 5


def tfds(name: str, split: str = "train", data_dir: Path | None = None) -> Source:
    """A dataset of TFDS with an "image" feature; downloaded and prepared first where it is not there yet.

    Args:
        name: as for `tfds.builder`: "fashion_mnist", "emnist/letters", "cifar10:3.0.2".
        split: as for `tfds.load`: "train", "test[:1000]", "train+test".
        data_dir: TFDS's folder; its default is ~/tensorflow_datasets.

    Returns:
        A `Source`, with labels where the dataset has a class label called "label" and the split's first image has one.

    Raises:
        ValueError: if TFDS has no such dataset or split, or the dataset no uint8 "image".
        ConnectionError: if it must be downloaded and its host cannot be reached, or `$KERASGAN_OFFLINE` is set.
    """
    if not isinstance(split, str):
        raise ValueError(f"split: expected a string such as 'train' or 'test[:1000]', got {quoted(split)}")
    builder = prepare(name, data_dir)
    count = _count(builder, split)
    label = _label(builder)
    if label and next(iter(_read(builder, split, ["label"])))["label"] < 0:  # as in stl10's split `unlabelled`
        label = None

    def example(features):
        return features["image"], features["label"] if label else tf.constant(-1, tf.int64)

    examples = _read(builder, split, ["image", "label"] if label else ["image"])
    examples = examples.map(example).apply(tf.data.experimental.assert_cardinality(count))
    folder = pathlib.Path(builder.data_dir)
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix not in (".json", ".txt"))
    fingerprint = functools.partial(fingerprints.of_files, folder, files, split)
    key = functools.partial(fingerprints.of_times, folder, files, builder.info.full_name, split) if files else None
    return Source(examples, count, tuple(label.names) if label else None, name, fingerprint, key)


def _read(builder, split, features):
    """A `tf.data.Dataset` of dicts of some features of a split, in a fixed order."""
    import tensorflow_datasets

    with _without_warnings():
        return builder.as_dataset(
            split=split,
            shuffle_files=False,
            decoders=tensorflow_datasets.decode.PartialDecoding(dict.fromkeys(features, True)),
            read_config=tensorflow_datasets.ReadConfig(try_autocache=False),
        )


def described(name, data_dir=None):
    """(channels, class names or None) of a dataset of TFDS, which need not be there.

    Raises:
        ValueError: as `tfds`.
    """
    builder = _builder(name, data_dir)
    _check_image(builder)
    label = _label(builder)
    return builder.info.features["image"].shape[-1], tuple(label.names) if label else None


def prepare(name: str, data_dir: Path | None = None) -> "tensorflow_datasets.core.DatasetBuilder":
    """Make sure that a dataset of TFDS lies prepared in `data_dir`; return its TFDS builder.

    TFDS writes into a folder of another name and renames it at the end, so that an interruption leaves no
    half of a dataset. Fashion-MNIST needs no network where Debian's package dataset-fashion-mnist is
    installed.

    Raises:
        ValueError, ConnectionError: as `tfds`.
    """
    builder = _builder(name, data_dir)
    _check_image(builder)
    with _without_warnings():
        if builder.is_prepared():
            return builder
    if builder.name == "fashion_mnist" and fashion_mnist.available():
        _prepare_from_debian(builder)
    else:
        _check_reachable(builder)
        builder.download_and_prepare()
    return builder


def _builder(name, data_dir):
    import tensorflow_datasets

    if not isinstance(name, str) or not name:
        raise ValueError(f"name: expected the name of a TFDS dataset, got {quoted(name)}")
    try:
        return tensorflow_datasets.builder(name, data_dir=data_dir)
    except tensorflow_datasets.core.DatasetNotFoundError:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
    except Exception as error:
        # another version, another configuration, a dataset that needs a package that is not installed
        raise ValueError(f"name: TFDS cannot open {quoted(name)}: {shortened(error)}") from error
    hint = did_you_mean(name, known)
    if pathlib.Path(name).expanduser().is_dir():
        hint = f"for a folder of images use kerasgan.data.folder({quoted(name)})"
    raise ValueError(f"name: TFDS has no dataset {quoted(name)}{hint and '; '}{hint}")


@contextlib.contextmanager
def _without_warnings():
    """TFDS warns about a dataset that is merely not there yet, and about its own use of its own names."""
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)


def _check_image(builder):
    features = builder.info.features
    image = features["image"] if "image" in features else None
    if getattr(image, "shape", None) is None or len(image.shape) != 3:
        listed = ", ".join(features)
        raise ValueError(f"name: dataset {quoted(builder.name)} has no feature 'image'; it has {listed}")
    if image.np_dtype != np.uint8 or image.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"name: images of dataset {quoted(builder.name)} must be uint8 with 1, 3 or 4 channels, "
            f"but are {image.np_dtype.__name__} of shape {image.shape}"
        )


def _label(builder):
    """The dataset's ClassLabel called "label", or None."""
    import tensorflow_datasets

    features = builder.info.features
    label = features["label"] if "label" in features else None
    return label if isinstance(label, tensorflow_datasets.features.ClassLabel) else None


def _count(builder, split):
    try:
        count = builder.info.splits[split].num_examples
    except (KeyError, ValueError, AssertionError) as error:
        splits = ", ".join(sorted(builder.info.splits))
        message = f"split: dataset {quoted(builder.name)} has no split {quoted(split)}; it has {splits}"
        raise ValueError(message) from error
    if not count:
        raise ValueError(f"split: {quoted(split)} of dataset {quoted(builder.name)} is empty")
    return count


def _prepare_from_debian(builder):
    import tensorflow_datasets

    with tempfile.TemporaryDirectory(prefix="kerasgan-") as folder:
        fashion_mnist.restore(folder)
        # a download_dir of its own: TFDS keeps extracted files by name alone, and MNIST's have the same names
        builder.download_and_prepare(
            download_dir=pathlib.Path(folder) / "downloads",
            download_config=tensorflow_datasets.download.DownloadConfig(manual_dir=folder, try_download_gcs=False),
        )


def _check_reachable(builder):
    """Ask a dataset's host for one header: TFDS itself would retry for more than three minutes."""
    import requests

    downloads = pathlib.Path(builder.data_dir_root) / "downloads" / builder.name
    urls = [url for url in builder.url_infos or () if url.startswith("http")]
    if not urls or any(downloads.rglob("*.INFO")):
        return
    cache_root.check_online(f"dataset {builder.name!r} is not prepared in {builder.data_dir_root}")
    try:
        requests.head(urls[0], timeout=_REACH_SECONDS)
    except requests.RequestException as error:
        remedy = "a connection to that host, so that TFDS can download it"
        if builder.name == "fashion_mnist":
            remedy = f"`apt-get install {fashion_mnist.DEBIAN_PACKAGE}`, or {remedy}"
        host = urllib.parse.urlsplit(urls[0]).hostname
        raise ConnectionError(
            f"dataset {quoted(builder.name)} is not prepared in {builder.data_dir_root} "
            f"and its host {host} cannot be reached. It needs {remedy}"
        ) from error
