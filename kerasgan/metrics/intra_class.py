"""The Frechet distance within classes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kerasgan.metrics import frechet
from kerasgan.metrics.evaluation import moments
from kerasgan.utils import validation


class IntraClass(NamedTuple):
    """Mean of the classes' distances, and what it is made of."""

    mean: float
    by_class: dict[int, float]


def intra_class_distance(
    features_a: npt.ArrayLike, labels_a: npt.ArrayLike, features_b: npt.ArrayLike, labels_b: npt.ArrayLike
) -> IntraClass:
    """Frechet distance of each class's features, and the mean over classes.

    Known as the intra-FID (Miyato and Koyama 2018, "cGANs with projection discriminator", arXiv:1802.05637, section 4,
    with 5,000 generated images a class). It sees a conditional generator that ignores its label or has one image a
    class. The classes have few samples each, so its bias is greater than that of all: see
    `kerasgan.metrics.frechet.expected_distance`.

    Args:
        features_a: numbers [N, D].
        labels_a: integers [N] of at least 0.
        features_b: numbers [M, D].
        labels_b: integers [M], of the same classes.

    Returns:
        `IntraClass`; every class weighs the same in the mean.

    Raises:
        ValueError: if the features are none, the classes are not the same, or one has fewer than two samples.
    """
    a, b = moments.pair_of(features_a, features_b, "features_a", "features_b", 2)
    labels_a = validation.labels("labels_a", labels_a, len(a))
    labels_b = validation.labels("labels_b", labels_b, len(b))
    classes = np.unique(labels_a)
    if not np.array_equal(classes, np.unique(labels_b)):
        one_sided = np.setxor1d(classes, labels_b).tolist()
        raise ValueError(f"labels_b: expected the classes of labels_a; only one of the two has {one_sided}")
    for name, labels in (("labels_a", labels_a), ("labels_b", labels_b)):
        found, counts = np.unique(labels, return_counts=True)
        if counts.min() < 2:
            raise ValueError(f"{name}: expected at least 2 samples a class; got 1 of {found[counts < 2].tolist()}")
    distances = {int(label): frechet.frechet_distance(a[labels_a == label], b[labels_b == label]) for label in classes}
    return IntraClass(float(np.mean(list(distances.values()))), distances)
