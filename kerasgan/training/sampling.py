"""Drawing samples: what `kerasgan sample` does."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kerasgan.models import sample_checks
from kerasgan.models.sampler import Sampler
from kerasgan.utils import workers


def draw(
    model: Sampler,
    seeds: Sequence[int],
    labels: object = None,
    truncation: float | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> np.ndarray:
    """Return the samples of seeds, of which each of several workers draws its part.

    Args:
        model: `Sampler`, made in the strategy's scope.
        seeds: of the samples, at least as many as there are workers.
        labels: as for `Sampler.sample`.
        truncation: as for `Sampler.sample`.
        strategy: of the workers; the current one by default.

    Returns:
        What `model.sample` returns for all seeds, on every worker.

    Raises:
        ValueError: as `Sampler.sample`, and if there are fewer seeds than workers.
        RuntimeError: if another worker cannot draw its part.
    """
    strategy = strategy or tf.distribute.get_strategy()
    if not workers.are_several(strategy):
        return model.sample(len(seeds), seed=seeds, labels=labels, truncation=truncation)
    if len(seeds) < workers.count(strategy):
        raise ValueError(f"seeds: expected at least {workers.count(strategy)}, one a worker; got {len(seeds)}")
    labels = sample_checks.sample_labels(labels, len(seeds), model.num_classes, model.class_names)
    others = workers.others(strategy, f"{list(seeds)} {None if labels is None else labels.tolist()} {truncation}")
    if others:
        raise ValueError(
            f"seeds, labels, truncation: expected the same on all workers; {others} of {workers.count(strategy)} have "
            "others than the chief: start all of them with the same command"
        )
    rows = workers.share(strategy, len(seeds))
    with workers.together(strategy):
        own = model.sample(
            rows.stop - rows.start,
            seed=seeds[rows],
            labels=None if labels is None else labels[rows],
            truncation=truncation,
        )
    return workers.gathered(strategy, own, rows, len(seeds))
