"""The training images that are nearest to generated ones: whether a model repeats what it has seen."""

from typing import NamedTuple

import numpy as np
from scipy import spatial

from kerasgan.metrics.evaluation import extraction
from kerasgan.metrics.evaluation.reference import Reference


class Nearest(NamedTuple):
    """The training images nearest to some images, by Euclidean distance of their features.

    `images`: uint8 [N, H, W, C], the nearest training image of each. `distances`: float64 [N], how far each is.
    `between_real`: float64 [M], how far each of the first M training images is from the nearest other one.
    """

    images: np.ndarray
    distances: np.ndarray
    between_real: np.ndarray


def nearest(images: np.ndarray, reference: Reference) -> Nearest:
    """Find the training image nearest to each image.

    Args:
        images: uint8 [N, H, W, C], N at most the reference's count.
        reference: `Reference` of the training images, whose network makes the features; read twice.

    Returns:
        `Nearest`, its `between_real` of as many training images as there are images.
    """
    some = _first(reference, len(images))
    queries = np.concatenate([_features(reference, part) for part in (images, some)])
    own = np.concatenate([np.full(len(images), -1), np.arange(len(some))])  # a training image is not its own neighbour
    best, found, done = np.full(len(queries), np.inf), np.zeros_like(images), 0
    for batch, _ in reference.batches():
        distances = spatial.distance.cdist(queries, _features(reference, batch))
        distances[own[:, None] == done + np.arange(len(batch))] = np.inf
        places, least = distances.argmin(axis=1), distances.min(axis=1)
        nearer = least < best
        best[nearer] = least[nearer]
        replaced = np.flatnonzero(nearer[: len(images)])
        found[replaced] = batch[places[replaced]]
        done += len(batch)
    return Nearest(found, best[: len(images)], best[len(images) :])


def _features(reference, images):
    parts = [reference.network(part)["features"] for part, _ in extraction.in_batches(images, None)]
    return np.concatenate(parts).astype("float64")


def _first(reference, count):
    """The first images of a reference."""
    rows = []
    for batch, _ in reference.batches():
        rows.append(batch)
        if sum(map(len, rows)) >= count:
            break
    return np.concatenate(rows)[:count]


def rows(images: np.ndarray, neighbours: np.ndarray, columns: int) -> np.ndarray:
    """Return images and their neighbours for a grid of so many columns: a row of images, a row of neighbours, ...

    Args:
        images: array [N, ...], N a multiple of `columns`.
        neighbours: array [N, ...].
        columns: images a row.
    """
    pairs = np.stack([images, neighbours]).reshape(2, -1, columns, *images.shape[1:])
    return np.swapaxes(pairs, 0, 1).reshape(-1, *images.shape[1:])
