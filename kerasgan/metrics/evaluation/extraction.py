"""From images to their features: streamed, so that memory does not grow with the number of images."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from kerasgan.metrics.evaluation.moments import Moments
from kerasgan.metrics.evaluation.prefetch import ahead, spread
from kerasgan.metrics.features.network import FeatureNetwork, checked_images
from kerasgan.utils import standstill, validation, workers
from kerasgan.utils.progress import Bar


@dataclasses.dataclass(frozen=True)
class Needs:
    """What measures need of the images beside their moments.

    Args:
        features: feature vectors to keep, of images drawn with the seed, with their labels; all where there are fewer.
        probabilities: whether to keep the class probabilities of all images, with their labels.
        images: how many images to keep, drawn with the seed.
    """

    features: int = 0
    probabilities: bool = False
    images: int = 0

    def __or__(self, other):
        """Return the needs of both."""
        return Needs(
            max(self.features, other.features),
            self.probabilities or other.probabilities,
            max(self.images, other.images),
        )


@dataclasses.dataclass(frozen=True)
class Extracted:
    """What a network saw in a set of images.

    Args:
        moments: `Moments` of all images' features.
        features: float32 [K, D] of the kept images, in the order in which the seed draws them, as all that is kept:
            the first rows are those that would be kept if fewer were; `None` where none were wanted.
        labels: int, of the images whose features or probabilities were kept, in the same order; `None` where there are
            none.
        probabilities: float32 [N, classes] of all images, or `None`.
        images: uint8 [I, H, W, C] of the kept images, or `None`.
        class_names: of the labels, where they are the network's numbers of the classes; else `None`.
    """

    moments: Moments
    features: np.ndarray | None = None
    labels: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    images: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None


def extract(
    batches: Iterable[Any],
    network: FeatureNetwork,
    count: int,
    needs: Needs = Needs(),  # noqa: B008  frozen
    seed: int = 0,
    what: str = "",
    strategy: tf.distribute.Strategy | None = None,
) -> Extracted:
    """Run images through a feature network.

    Reading or generating a batch, the network, and the moments each have a thread: the next batch is made while this
    one is judged. Several workers judge a part each, and all get what they saw together.

    Args:
        batches: iterable of uint8 images [B, H, W, C], or of pairs of images and labels int [B] (or `None`); B may
            differ between batches. `in_batches` makes one of an array. Of several workers each gives those of its own
            rows, `kerasgan.utils.workers.share`.
        network: `FeatureNetwork`.
        count: images in all.
        needs: what to keep beside the moments.
        seed: integer of at least 0, of the choice of features to keep.
        what: a word for the line of progress on standard output; "" for none.
        strategy: `tf.distribute.Strategy` in whose scope the network was made; the current one by default.

    Returns:
        `Extracted`.

    Raises:
        ValueError: if there are fewer than two images, or than workers, or not as many as was said, they are not uint8
            or not of one size, the network cannot judge them, or their features are not finite.
    """
    strategy = strategy or tf.distribute.get_strategy()
    validation.integer("count", count, max(2, workers.count(strategy)))
    if needs.probabilities and network.classes is None:
        raise ValueError(f"network: expected one that classifies; {network.name} gives features alone")
    order = _drawn(count, seed)
    places = {
        "features": order[: needs.features],
        "labels": order if needs.probabilities else order[: needs.features],
        "probabilities": order if needs.probabilities else order[:0],
        "images": order[: needs.images],
    }
    with workers.together(strategy):
        own = _own(batches, network, workers.share(strategy, count), _masks(places, count), what, strategy)
    found = _of_all(own, places, count, strategy) if workers.are_several(strategy) else own
    drawn = {name: getattr(found, name) for name in places}
    return Extracted(
        found.moments,
        **{name: kept if kept is None else kept[_ranks(places[name])] for name, kept in drawn.items()},
    )


def _drawn(count, seed):
    """All rows in the order in which they are drawn: whoever wants some takes the first, whatever others want."""
    rng = np.random.default_rng(validation.integer("seed", seed, 0))
    return rng.choice(count, count, replace=False)[::-1]  # its first rows are those of rng.choice(count, rows)


def _ranks(places):
    """Where each of some rows is among them in the order of the rows."""
    return np.argsort(np.argsort(places))


def _masks(places, count):
    """Which of all rows are kept of each kind."""
    masks = {name: np.zeros(count, bool) for name in places}
    for name, rows in places.items():
        masks[name][rows] = True
    return masks


def _own(batches, network, own, masks, what, strategy):
    """What the network saw in the rows of this worker."""
    moments = Moments(network.features)
    kept = {"features": [], "labels": [], "probabilities": [], "images": []}
    bar = Bar(what, own.stop - own.start, unit="images") if what and workers.is_chief(strategy) else None
    done = own.start
    for images, labels, found in ahead(_judged(ahead(batches), network, strategy)):
        standstill.moved()
        rows = slice(done, done + len(images))
        done += len(images)
        if done > own.stop:
            raise ValueError(f"images: expected {own.stop - own.start}; got more")
        moments.update(found["features"])
        seen = {**found, "images": images, "labels": labels}
        for name, mask in masks.items():
            if mask.any() and seen[name] is not None:
                kept[name].append(np.asarray(seen[name])[mask[rows]])
        if bar:
            bar.show(done - own.start)
    if done < own.stop:
        raise ValueError(f"images: expected {own.stop - own.start}; got {done - own.start}")
    return Extracted(moments, **{name: np.concatenate(parts) if parts else None for name, parts in kept.items()})


def _of_all(own, places, count, strategy):
    """What all workers saw, of what each of them did."""
    rows = workers.share(strategy, count)
    gathered = {}
    for name, mask in _masks(places, count).items():
        kept = getattr(own, name)
        if kept is not None:
            before = np.concatenate([[0], np.cumsum(mask)])  # how many are kept of the rows before each
            place = slice(before[rows.start], before[rows.stop])
            gathered[name] = workers.gathered(strategy, kept, place, before[-1])
    return Extracted(_moments_of_all(own.moments, strategy), **gathered)


def _moments_of_all(own, strategy):
    """The moments of all workers' rows."""
    [count] = workers.total(strategy, [own.count])
    mean = workers.summed(strategy, own.mean * own.count) / count
    apart = own.mean - mean
    scatter = workers.summed(strategy, own.scatter + own.count * np.outer(apart, apart))
    return Moments.restored(int(count), mean, scatter)


def in_batches(
    images: np.ndarray, labels: np.ndarray | None = None, batch_size: int = 100
) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Yield parts of arrays, pairs of images and labels (`None` without), for `extract`.

    Raises:
        ValueError: if the images are no uint8 array [N, H, W, C], or the labels are not N integers of at least 0.
    """
    images = checked_images(images)
    validation.integer("batch_size", batch_size, 1)
    labels = None if labels is None else validation.labels("labels", labels, len(images))
    for first in range(0, len(images), batch_size):
        rows = slice(first, first + batch_size)
        yield images[rows], None if labels is None else labels[rows]


def of_rows(batches: Iterable[Any], rows: slice) -> Iterator[Any]:
    """Yield what of batches, as `extract` takes them, lies in some rows of all of them."""
    done = 0
    for batch in batches:
        images, labels = batch if isinstance(batch, tuple) else (batch, None)
        first, last = max(rows.start - done, 0), min(rows.stop - done, len(images))
        done += len(images)
        if first < last:
            yield images[first:last], None if labels is None else labels[first:last]
        if done >= rows.stop:
            return


def _judged(batches, network, strategy):
    """Yield images, their labels and what the network makes of them."""
    if network.precision != "float32" and strategy.num_replicas_in_sync > 1 and not workers.are_several(strategy):
        raise ValueError(
            "precision: expected float32 with several devices, whose functions are not rewritten; got "
            f"{network.precision}"
        )
    shape, judge = None, spread(strategy, network.compiled)
    for batch in batches:
        images, labels = batch if isinstance(batch, tuple) else (batch, None)
        images = checked_images(images)
        if shape is None:
            shape = images.shape[1:]
            network.check(shape)
        if images.shape[1:] != shape:
            raise ValueError(f"images: expected all of the shape of the first, {shape}; got {images.shape[1:]}")
        yield images, labels, judge(images)
