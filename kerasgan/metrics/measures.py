"""The measures that `kerasgan.metrics.evaluate` knows, by the names that a user gives."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kerasgan.metrics import (
    frechet,
    intra_class,
    kernel_distance,
    ms_ssim,
    neighbours,
    result,
    sliced_wasserstein,
    statistics,
)
from kerasgan.metrics import inception_score as scores
from kerasgan.metrics.extraction import Extracted, Keep

SPLITS = 10  # parts of an inception score
SUBSETS, SUBSET = 100, 1000  # of a kernel distance
NEIGHBOURS, NEAREST = 10_000, 5
PROJECTIONS = 256
PAIRS, PAIRED = 1000, 5000  # of MS-SSIM: pairs, and images they are drawn from
KEPT = 50_000


class Found(NamedTuple):
    """A number of a measure, before its protocol is put to it; fields as in `result.Result` and `result.Protocol`.

    `network` and `features` are set where the feature network has no part in the number.
    """

    measure: str
    value: float
    std: float | None = None
    splits: int = 1
    notes: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    network: str | None = None
    features: int | None = None


@dataclasses.dataclass(frozen=True)
class Measure:
    """A measure of generated images.

    Args:
        function: function of (`Extracted` of the generated images, that of the reference or `None`, seed) that returns
            a list of `Found`.
        keep: what it needs of the images beside their moments.
        reference: whether it compares with real images.
        better: 1 where a greater number is better, -1 where a smaller one is; of the first number it finds.
        labels: whether it needs the labels of both sets.
    """

    function: Callable
    keep: Keep
    reference: bool
    better: int
    labels: bool = False


def _frechet(generated: Extracted, reference: Extracted, seed: int) -> list[Found]:
    value = frechet.from_moments(generated.moments, reference.moments)
    caveats = statistics.frechet_caveats(generated.moments, reference.moments)
    return [Found("frechet", value, caveats=caveats)]


def _kernel(generated, reference, seed):
    size = min(SUBSET, len(generated.features), len(reference.features))
    found = kernel_distance.kernel_distance(generated.features, reference.features, SUBSETS, size, seed)
    notes = (f"subsets of {size}", *_drawn(generated, reference))
    return [Found("kernel", *found, splits=SUBSETS, notes=notes)]


def _inception_score(generated, reference, seed):
    splits = min(SPLITS, len(generated.probabilities))
    return [Found("inception_score", *scores.inception_score(generated.probabilities, splits), splits=splits)]


def _modified_inception_score(generated, reference, seed):
    found = scores.modified_inception_score(generated.probabilities)
    notes = (f"mean over the {len(found.by_class)} classes that the network sees",)
    return [Found("modified_inception_score", found.mean, found.std, splits=len(found.by_class), notes=notes)]


def _neighbours(generated, reference, seed):
    sets = [_some(extracted.features, NEIGHBOURS, seed) for extracted in (reference, generated)]
    found = neighbours.neighbours(*sets, k=NEAREST)
    notes = (f"k = {NEAREST}", f"{len(sets[1]):,} generated and {len(sets[0]):,} real ones drawn with the seed")
    return [Found(name, value, notes=notes) for name, value in found._asdict().items()]


def _intra_class(generated, reference, seed):
    found = intra_class.intra_class_distance(generated.features, generated.labels, reference.features, reference.labels)
    fewest = min(np.unique(labels, return_counts=True)[1].min() for labels in (generated.labels, reference.labels))
    caveats = result.few_samples(int(fewest), generated.moments.dim)
    std = float(np.std(list(found.by_class.values())))
    classes = len(found.by_class)
    notes = (f"mean over {classes} classes, at least {fewest:,} images each", *_drawn(generated, reference))
    return [Found("intra_frechet", found.mean, std, splits=classes, notes=notes, caveats=caveats)]


def _sliced_wasserstein(generated, reference, seed):
    sets = [_some(extracted.features, NEIGHBOURS, seed) for extracted in (generated, reference)]
    value = sliced_wasserstein.sliced_wasserstein(*sets, PROJECTIONS, seed=seed)
    notes = (f"{PROJECTIONS} directions", f"{len(sets[0]):,} generated and {len(sets[1]):,} real ones")
    return [Found("sliced_wasserstein", value, notes=notes)]


def _ms_ssim(generated, reference, seed):
    found = ms_ssim.ms_ssim_variety(generated.images, pairs=PAIRS, seed=seed)
    notes = (f"{PAIRS:,} pairs of the first {len(generated.images):,} images", f"{found.scales} of 5 scales")
    features = int(np.prod(generated.images.shape[1:]))
    return [Found("ms_ssim", found.mean, found.std, notes=notes, network="pixels", features=features)]


MEASURES = {
    "fid": Measure(_frechet, Keep(), True, -1),
    "kid": Measure(_kernel, Keep(features=KEPT), True, -1),
    "is": Measure(_inception_score, Keep(probabilities=True), False, 1),
    "mis": Measure(_modified_inception_score, Keep(probabilities=True), False, 1),
    "prdc": Measure(_neighbours, Keep(features=NEIGHBOURS), True, 1),
    "intra-fid": Measure(_intra_class, Keep(features=KEPT), True, -1, labels=True),
    "swd": Measure(_sliced_wasserstein, Keep(features=NEIGHBOURS), True, -1),
    "ms-ssim": Measure(_ms_ssim, Keep(images=PAIRED), False, -1),
}


def chosen(names) -> dict[str, Measure]:
    """Return the measures of these names, in their order.

    Args:
        names: a text with commas, `"fid,kid"`, or a sequence of names.

    Raises:
        ValueError: naming the one that there is not, or that is given twice.
    """
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    for index, name in enumerate(names):
        if name not in MEASURES or name in names[:index]:
            wanted = f"some of {', '.join(MEASURES)}, each once"
            raise ValueError(f"metrics: expected {wanted}; got {','.join(map(str, names))}")
    if not names:
        raise ValueError(f"metrics: expected some of {', '.join(MEASURES)}; got none")
    return {name: MEASURES[name] for name in names}


def _drawn(generated, reference):
    """What to say where the features of a part of the images were kept."""
    whole = generated.moments.count, reference.moments.count
    kept = len(generated.features), len(reference.features)
    return () if kept == whole else (f"{kept[0]:,} generated and {kept[1]:,} real ones drawn with the seed",)


def _some(rows, most, seed):
    """At most that many rows, drawn with the seed, in their order."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))]
