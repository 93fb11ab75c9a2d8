"""Fashion-MNIST as arrays of 32x32 grey images, for the studies on images."""

import numpy as np

from kerasgan import data
from kerasgan.data import splits


def arrays(split, data_dir=None):
    """Return all images and labels of a split, in TFDS's order.

    Args:
        split: "train" (60,000 images) or "test" (10,000).
        data_dir: TFDS's folder, as for `kerasgan.data.tfds`.

    Returns:
        (uint8 [N, 32, 32, 1], int64 [N]): the images resized from 28x28, and their class, 0 to 9.

    Raises:
        ConnectionError: as `kerasgan.data.tfds`.
    """
    return splits.of_source(data.tfds("fashion_mnist", split=split, data_dir=data_dir), 32)


def per_class(images, labels, count, seed=0):
    """Draw `count` images of each class without replacement; the classes come in order.

    Args:
        images: array [N, ...].
        labels: integers [N].
        count: images a class.
        seed: integer seed of the draw.

    Returns:
        Array [classes * count, ...].

    Raises:
        ValueError: if a class has fewer images.
    """
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < count:
        raise ValueError(f"count: expected at most {counts.min()}, the images of the rarest class; got {count}")
    rng = np.random.default_rng(seed)
    return images[np.concatenate([rng.choice(np.flatnonzero(labels == label), count, False) for label in classes])]
