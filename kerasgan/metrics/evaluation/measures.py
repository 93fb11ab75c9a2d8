"""The measures that `kerasgan.metrics.evaluate` knows, by the names that a user gives."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from kerasgan.metrics import (
    class_accuracy,
    divergences,
    frechet,
    intra_class,
    kernel_distance,
    modes,
    ms_ssim,
    ngrams,
    precision_recall,
    sliced_wasserstein,
)
from kerasgan.metrics import inception_score as scores
from kerasgan.metrics.evaluation import line_reference, moments_file, result
from kerasgan.metrics.evaluation.extraction import Extracted, Needs
from kerasgan.utils import outside
from kerasgan.utils.messages import did_you_mean

SPLITS = 10  # parts of an inception score
SUBSETS, SUBSET = 100, 1000  # of a kernel distance
NEIGHBOURS, NEAREST = 10_000, 5
PROJECTIONS = 256
PAIRS, PAIRED = 1000, 5000  # of MS-SSIM: pairs, and images they are drawn from
KEPT = 50_000
ASSIGNED = 2500  # points of an exact W1, whose time grows with the cube
JS_EDGES = np.concatenate([[-np.inf], np.linspace(-2.0, 2.0, 81), [np.inf]])  # cells of 0.05
N_GRAMS = (1, 2, 3, 4)


class Measurement(NamedTuple):
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
            a list of `Measurement`; for points and lines, of (what `reference.kept` returned, the reference, seed).
        needs: what it needs of the images beside their moments.
        reference: whether it compares with real images.
        better: 1 where a greater number is better, -1 where a smaller one is; of the first number it finds.
        labels: whether it needs the labels of both sets.
        network_classes: whether labels shall be the feature network's numbers of the classes, not the reference's.
        of: "images", "points", "mixtures" (points whose centres are known) or "lines", of which it is a measure.
        least: how many images it needs of either set.
        least_a_class: how many it needs of each class.
    """

    function: Callable
    needs: Needs
    reference: bool
    better: int
    labels: bool = False
    network_classes: bool = False
    of: str = "images"
    least: int = 2
    least_a_class: int = 0


def _frechet(generated: Extracted, reference: Extracted, seed: int) -> list[Measurement]:
    value = frechet.from_moments(generated.moments, reference.moments)
    caveats = moments_file.frechet_caveats(generated.moments, reference.moments)
    return [Measurement("frechet", value, caveats=caveats)]


def _kernel(generated, reference, seed):
    counts = len(generated.features), len(reference.features)
    size = min(SUBSET, *counts)
    if counts == (size, size):  # every subset would be all of them, and have no spread
        value, _ = kernel_distance.kernel_distance(generated.features, reference.features, 1, size, seed)
        return [Measurement("kernel", value, notes=(f"all {size:,} of each",))]
    distance = kernel_distance.kernel_distance(generated.features, reference.features, SUBSETS, size, seed)
    notes = (f"subsets of {size}", *_drawn(generated, reference))
    return [Measurement("kernel", *distance, splits=SUBSETS, notes=notes)]


def _inception_score(generated, reference, seed):
    count, classes = np.shape(generated.probabilities)
    splits = min(SPLITS, count)
    score, std = scores.inception_score(generated.probabilities, splits)
    few = f"{count // splits} images a split, fewer than the network's {classes} classes: the score cannot be more"
    caveats = (few,) if count // splits < classes else ()
    return [Measurement("inception_score", score, std, splits=splits, caveats=caveats)]


def _modified_inception_score(generated, reference, seed):
    score = scores.modified_inception_score(generated.probabilities)
    notes = (f"mean over the {len(score.by_class)} classes that the network sees",)
    return [Measurement("modified_inception_score", score.mean, score.std, notes=notes)]


def _neighbours(generated, reference, seed):
    sets = [extracted.features[:NEIGHBOURS] for extracted in (reference, generated)]
    shares = precision_recall.neighbours(*sets, k=NEAREST)
    notes = (f"k = {NEAREST}", *_drawn(generated, reference, NEIGHBOURS))
    return [Measurement(name, value, notes=notes) for name, value in shares._asdict().items()]


def _class_accuracy(generated, reference, seed):
    accuracy = class_accuracy.class_accuracy(generated.probabilities, generated.labels)
    worst = min(accuracy.by_class, key=accuracy.by_class.get)
    notes = (f"the least {accuracy.by_class[worst]:.3f} of {generated.class_names[worst]}",)
    return [Measurement("class_accuracy", accuracy.of_all, notes=notes)]


def _intra_class(generated, reference, seed):
    labels = [extracted.labels[: len(extracted.features)] for extracted in (generated, reference)]
    distance = intra_class.intra_class_distance(generated.features, labels[0], reference.features, labels[1])
    fewest = min(np.unique(some, return_counts=True)[1].min() for some in labels)
    caveats = result.few_samples(int(fewest), generated.moments.dim)
    std = float(np.std(list(distance.by_class.values())))
    notes = (
        f"mean over {len(distance.by_class)} classes, at least {fewest:,} images each",
        *_drawn(generated, reference),
    )
    return [Measurement("intra_frechet", distance.mean, std, notes=notes, caveats=caveats)]


def _sliced_wasserstein(generated, reference, seed):
    sets = [extracted.features[:NEIGHBOURS] for extracted in (generated, reference)]
    value = sliced_wasserstein.sliced_wasserstein(*sets, PROJECTIONS, seed=seed)
    notes = (f"{PROJECTIONS} directions", *_drawn(generated, reference, NEIGHBOURS))
    return [Measurement("sliced_wasserstein", value, notes=notes)]


def _ms_ssim(generated, reference, seed):
    images = generated.images
    similarity = ms_ssim.ms_ssim_variety(images, pairs=PAIRS, seed=seed)
    whole = len(images) == generated.moments.count
    notes = (
        f"{PAIRS:,} pairs of {len(images):,} images{'' if whole else ' drawn with the seed'}",
        f"{similarity.scales} of 5 scales",
    )
    features = int(np.prod(images.shape[1:]))
    return [Measurement("ms_ssim", similarity.mean, similarity.std, notes=notes, network="pixels", features=features)]


def _modes(points, reference, seed):
    mixture = reference.points
    coverage = modes.modes(points, mixture.centres, mixture.std)
    notes = (f"within 3 standard deviations of one of {len(mixture.centres)} modes",)
    numbers = {
        "modes": coverage.covered,
        "high_quality": coverage.high_quality,
        "smallest_share": coverage.shares.min(),
    }
    if coverage.covered:
        numbers["kl_of_modes"] = coverage.kl
    return [_of_points(name, float(value), notes) for name, value in numbers.items()]


def _wasserstein(points, reference, seed):
    count = min(ASSIGNED, len(points))
    value = divergences.w1(points[:count], reference.points.sample(count, seed=seed + 1))
    return [_of_points("w1", value, (f"the first {count:,} to as many real ones, exact",))]


def _jensen_shannon(points, reference, seed):
    value = divergences.js_to_density(points, reference.points, JS_EDGES)
    floor = divergences.js_to_density(reference.points.sample(len(points), seed=seed + 1), reference.points, JS_EDGES)
    notes = ("nats", "cells of 0.05 to their exact masses", f"as many real points: {floor:.4f}")
    return [_of_points("js", value, notes)]


def _of_points(name, value, notes):
    return Measurement(name, value, notes=notes, network="points", features=2)


def _n_grams(encoded, reference, seed):
    real = reference.held_out[: len(encoded)]
    measurements = []
    for n in N_GRAMS:
        value, floor = (
            ngrams.jensen_shannon(ngrams.counts(line_reference.rows(lines), n), reference.counts(n))
            for lines in (encoded, real)
        )
        notes = ("bits", f"{len(real):,} held-out lines: {floor:.4f}")
        measurements.append(
            Measurement(f"js_{n}_grams", value, notes=notes, network="characters", features=encoded.shape[1])
        )
    return measurements


MEASURES = {
    "fid": Measure(_frechet, Needs(), True, -1),
    "kid": Measure(_kernel, Needs(features=KEPT), True, -1),
    "is": Measure(_inception_score, Needs(probabilities=True), False, 1),
    "mis": Measure(_modified_inception_score, Needs(probabilities=True), False, 1),
    "prdc": Measure(_neighbours, Needs(features=NEIGHBOURS), True, 1, least=NEAREST + 1),
    "class-accuracy": Measure(_class_accuracy, Needs(probabilities=True), False, 1, labels=True, network_classes=True),
    "intra-fid": Measure(_intra_class, Needs(features=KEPT), True, -1, labels=True, least_a_class=2),
    "swd": Measure(_sliced_wasserstein, Needs(features=NEIGHBOURS), True, -1),
    "ms-ssim": Measure(_ms_ssim, Needs(images=PAIRED), False, -1),
    "modes": Measure(_modes, Needs(), True, 1, of="mixtures"),
    "w1": Measure(_wasserstein, Needs(), True, -1, of="points"),
    "js": Measure(_jensen_shannon, Needs(), True, -1, of="points"),
    "ngrams": Measure(_n_grams, Needs(), True, -1, of="lines"),
}


def chosen(names: str | Sequence[str]) -> dict[str, Measure]:
    """Return the measures of these names, in their order: those of `MEASURES`, and `MODULE.NAME` of users' modules.

    Args:
        names: a text with commas, `"fid,kid"`, or a sequence of names.

    Raises:
        ValueError: naming the one that there is not, or that is given twice.
    """
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    measures = {name: MEASURES.get(name) or _of_a_user(name) for name in names}
    if None in measures.values() or len(measures) < len(names):
        wanted = f"some of {', '.join(MEASURES)}, or MODULE.NAME of a module given with --import, each once"
        hints = {did_you_mean(name, MEASURES): None for name, measure in measures.items() if measure is None}
        told = "".join(f"; {hint}" for hint in hints if hint)
        raise ValueError(f"metrics: expected {wanted}; got {','.join(map(str, names))}{told}")
    if not names:
        raise ValueError(f"metrics: expected some of {', '.join(MEASURES)}; got none")
    return measures


def _of_a_user(name):
    """The `Measure` that `MODULE.NAME` names in a user's module, or `None`."""
    try:
        measure = outside.find(str(name))
    except LookupError:
        return None
    return measure if isinstance(measure, Measure) else None


def _drawn(generated, reference, most=KEPT):
    """What to say where a measure takes the features of a part of the images."""
    whole = generated.moments.count, reference.moments.count
    kept = tuple(min(most, count) for count in whole)
    return () if kept == whole else (f"{kept[0]:,} generated and {kept[1]:,} real ones drawn with the seed",)
