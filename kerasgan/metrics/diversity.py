"""How different samples are from each other."""

import numpy as np
import numpy.typing as npt


def mean_pairwise_distance(samples: np.ndarray, labels: npt.ArrayLike | None = None) -> float:
    """Mean Euclidean distance between two different samples, over all pairs or all pairs of one label.

    A generator that maps all latents to one image has 0. The time grows with the square of N: meant for some hundreds.

    Args:
        samples: array [N, ...] of numbers.
        labels: integers [N]; only pairs with the same label then count. `None` for all pairs.

    Returns:
        A float of at least 0; NaN if a number that counts is not finite.

    Raises:
        ValueError: if `labels` are not N, or there is no pair.
    """
    rows = np.asarray(samples, "float64").reshape(len(samples), -1)
    labels = np.zeros(len(rows), int) if labels is None else np.asarray(labels)
    if labels.shape != (len(rows),):
        raise ValueError(f"labels: expected {len(rows)}, one a sample; got shape {labels.shape}")
    total, pairs = 0.0, 0
    for label in np.unique(labels):
        mine = rows[labels == label]
        mine = mine - mine.mean(axis=0)  # the distances stay, and rounding matters less
        squares = np.square(mine).sum(axis=1)
        distances = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * mine @ mine.T, 0.0))
        total += distances.sum() - np.trace(distances)
        pairs += len(mine) * (len(mine) - 1)
    if not pairs:
        raise ValueError(f"samples: expected two with the same label; got {len(rows)} samples, each alone")
    return float(total / pairs)
