"""The training and the test split of a dataset as arrays, for classifiers and studies."""

import pathlib

import numpy as np

from kerasgan.data import folder_source, npz_source, pipeline, tfds_source
from kerasgan.data.source import Source
from kerasgan.utils.annotations import Path


def arrays(real: Path, split: str, image_size: int, data_dir: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return all images and labels of a split, in the source's order.

    Args:
        real: the name of a TFDS dataset with such a split; or a folder with `SPLIT.npz`, or with a folder `SPLIT` of
            pictures, one subfolder a class.
        split: "train" or "test".
        image_size: height and width that the images are made.
        data_dir: TFDS's folder.

    Returns:
        (uint8 [N, image_size, image_size, C], integers [N]).

    Raises:
        ValueError: if the images have no labels, or cannot be read.
        FileNotFoundError, ConnectionError: if they are not there.
    """
    place = pathlib.Path(real) / split
    if place.is_dir():
        source = folder_source.folder(place)
    elif place.with_suffix(".npz").is_file():
        source = npz_source.npz(place.with_suffix(".npz"))
    elif pathlib.Path(real).is_dir():
        raise FileNotFoundError(f"real: expected train and test in {real}, folders or .npz files; it has no {split}")
    else:
        source = tfds_source.tfds(str(real), split=split, data_dir=data_dir)
    if source.class_names is None:
        raise ValueError(f"real: expected images with labels; {source.name} has none")
    return of_source(source, image_size)


def of_source(source: Source, image_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all images of a source, made square, and their labels: as `arrays`."""
    images, labels = zip(*pipeline.in_order(source, image_size, batch_size=1000).as_numpy_iterator())
    return np.concatenate(images), np.concatenate(labels)
