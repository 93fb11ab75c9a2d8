"""Whether images are of the class that was asked for, as a classifier of real images sees them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kerasgan.utils import validation


class ClassAccuracy(NamedTuple):
    """The share of all images that are of their label, and of those of each label."""

    of_all: float
    by_class: dict[int, float]


def class_accuracy(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> ClassAccuracy:
    """Return the share of images whose most probable class is their label.

    The GAN-test of Shmelkov et al. 2018, "How good is my GAN?", arXiv:1807.09499, section 3.2: the accuracy on
    generated images of a classifier that was trained on real ones. It sees a conditional generator that ignores its
    labels, which no distance of all images can. It does not see how much images of a class differ, and of clear but
    unlike images it may be greater than of real ones: read it beside a distance.

    Args:
        probabilities: floats [N, K], rows p(y|x) that sum to 1.
        labels: integers [N] from 0 to K - 1.

    Returns:
        `ClassAccuracy`; `by_class` has the labels that there are.

    Raises:
        ValueError: if the probabilities are none, or the labels are not as said.

    Example:
        >>> class_accuracy([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]], [0, 1, 1, 0])
        ClassAccuracy(of_all=0.75, by_class={0: 1.0, 1: 0.5})
    """
    rows = validation.probabilities("probabilities", probabilities)
    labels = validation.labels("labels", labels, len(rows))
    if labels.max() >= rows.shape[1]:
        raise ValueError(f"labels: expected integers below {rows.shape[1]}, the classes; got {labels.max()}")
    right = rows.argmax(axis=1) == labels
    by_class = {int(label): float(right[labels == label].mean()) for label in np.unique(labels)}
    return ClassAccuracy(float(right.mean()), by_class)
