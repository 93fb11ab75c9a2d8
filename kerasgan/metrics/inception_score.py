"""The inception score and DeLiGAN's modified inception score, from the class probabilities of any classifier."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kerasgan.utils import validation


class Score(NamedTuple):
    """Mean and standard deviation (of the population) of a score over its parts."""

    mean: float
    std: float


class ModifiedScore(NamedTuple):
    """Mean and standard deviation (of the population) over classes, and what they are made of.

    Attributes:
        mean: mean of the classes' scores.
        std: their standard deviation.
        by_class: the score of each predicted class that has at least two samples.
        left_out: the predicted classes with a single sample, which says nothing of diversity.
    """

    mean: float
    std: float
    by_class: dict[int, float]
    left_out: tuple[int, ...]


def inception_score(probabilities: npt.ArrayLike, splits: int = 10) -> Score:
    """Score how sure a classifier is of each sample and how evenly the samples fill the classes.

    exp(E_x[KL(p(y|x) || p(y))]) with p(y) the mean of p(y|x), in each of `splits` consecutive parts of the samples, as
    in Salimans et al. 2016, arXiv:1606.03498, section 4. Parts are smaller sets, and smaller sets score less: compare
    scores of the same N and `splits` only. The published scores are those of Inception v3 on ImageNet's classes; a
    score of another classifier is on a scale of its own.

    Args:
        probabilities: float array [N, K], rows p(y|x) that sum to 1; the samples in no particular order.
        splits: number of parts, at most N. Where N is not a multiple, sizes differ by one.

    Returns:
        `Score` over the parts. Each part's score lies in [1, K]: 1 if all rows are equal, K if each row is certain and
        all classes are equally frequent.

    Raises:
        ValueError: if `probabilities` are none, or `splits` is not an integer in [1, N].
    """
    rows = validation.probabilities("probabilities", probabilities)
    if validation.integer("splits", splits, 1) > len(rows):
        raise ValueError(f"splits: expected at most the number of samples, {len(rows)}; got {splits}")
    bounds = [part * len(rows) // splits for part in range(splits + 1)]
    scores = [_score(rows[first:last]) for first, last in zip(bounds, bounds[1:])]
    return Score(float(np.mean(scores)), float(np.std(scores)))


def modified_inception_score(probabilities: npt.ArrayLike, smallest: float = 1e-12) -> ModifiedScore:
    """Score the diversity of the samples within each class that a classifier sees in them.

    For the samples of a predicted class, exp(E_i[E_j[KL(p(y|x_i) || p(y|x_j))]]), over all pairs of them, i = j
    included; then mean and standard deviation over the classes (Gurumurthy, Sarvadevabhatla and Babu 2017,
    arXiv:1706.02071, section 5). A sample alone in its class would score 1 whatever it is: such classes are left out,
    and named in the result. Unsure rows score high too, so read it beside `inception_score`.

    Args:
        probabilities: float array [N, K], rows p(y|x) that sum to 1.
        smallest: what smaller probabilities are raised to inside the logarithm, in (0, 1]: a probability of exactly 0
            in one row of a class, and not in another, would make the score infinite.

    Returns:
        `ModifiedScore`. Each class's score is at least 1, and 1 if its rows are equal.

    Raises:
        ValueError: if `probabilities` are none, `smallest` is outside (0, 1], or no class has two samples.
    """
    rows = validation.probabilities("probabilities", probabilities)
    validation.number("smallest", smallest, lambda it: 0 < it <= 1, "a number in (0, 1]")
    logs = np.log(np.maximum(rows, smallest))
    predicted = rows.argmax(axis=1)
    classes, counts = np.unique(predicted, return_counts=True)
    if counts.max() < 2:
        raise ValueError(f"probabilities: expected at least two samples of some class; got {len(rows)}, each alone")
    scores = {}
    for label in classes[counts > 1].tolist():
        mine = predicted == label
        # the mean over all pairs of sum_y p_i (log p_i - log p_j): its second part factors into means
        own = np.sum(rows[mine] * logs[mine], axis=1).mean()
        scores[label] = float(np.exp(own - rows[mine].mean(axis=0) @ logs[mine].mean(axis=0)))
    values = list(scores.values())
    return ModifiedScore(float(np.mean(values)), float(np.std(values)), scores, tuple(classes[counts < 2].tolist()))


def _score(rows):
    marginal = rows.mean(axis=0)
    # where p is 0 so is p log p: both logarithms may then be of anything
    logs = np.log(np.where(rows > 0, rows, 1.0)) - np.log(np.where(marginal > 0, marginal, 1.0))
    return float(np.exp(np.sum(rows * logs, axis=1).mean()))
