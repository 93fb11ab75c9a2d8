"""Measuring a generator against real examples."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerasgan.metrics.evaluation import extraction, measures
from kerasgan.metrics.evaluation.extraction import Needs
from kerasgan.metrics.evaluation.line_reference import LineReference
from kerasgan.metrics.evaluation.point_reference import PointReference
from kerasgan.metrics.evaluation.prefetch import spread
from kerasgan.metrics.evaluation.reference import Reference
from kerasgan.metrics.evaluation.result import Protocol, Result
from kerasgan.metrics.evaluation.statistics_file import StatisticsReference
from kerasgan.metrics.features.network import check_range
from kerasgan.models import finite, sample_checks, standing_statistics
from kerasgan.models.sampler import Sampler
from kerasgan.utils import classes, validation, workers
from kerasgan.utils.messages import quoted

AnyReference = Reference | StatisticsReference | PointReference | LineReference

SAMPLES = 50_000
_BY_NUMBER = (
    "classes were matched by number, for want of names on both sides: whether they are the same was not checked"
)


def evaluate(
    model: Sampler,
    reference: AnyReference,
    metrics: str | Sequence[str] = ("fid",),
    n: int = SAMPLES,
    seed: int = 0,
    truncation: float | None = None,
    weights: str | None = None,
    standing_passes: int = 0,
    batch_size: int = 100,
    name: str = "",
    verbose: bool = False,
) -> list[Result]:
    """Generate images, points or lines and measure them against a reference.

    The default protocol: 50,000 images, of the moving average of the generator where there is one, with batch-norm
    statistics of its own (`kerasgan.GAN.prepare_sampling`), no truncation; of a conditional model the labels come in
    turn where the reference's classes are equally frequent or unknown, else they are drawn with its frequencies. The
    reference is the training split, unless another is given.

    Classes of model and reference are matched by their names, so their order may differ, and the reference may lack
    some, which are then not generated either; the protocol says so. Where one side has no names, they are matched by
    number, there must be as many of them, and numbers that depend on the labels carry a caution.

    Args:
        model: `Sampler`, such as a `GAN`.
        reference: `Reference`: real images of the same shape, with the feature network; or a `StatisticsReference`; for
            points and lines a `PointReference` or a `LineReference`.
        metrics: names of `kerasgan.metrics.evaluation.measures.MEASURES`, in a sequence or in a text with commas.
        n: images to generate, at least 2.
        seed: integer from 0 to 2^32 - 1. Image i has seed `seed + i`: two sets share no image where their seeds are n
            apart.
        truncation: bound on |z|, or `None`.
        weights: "moving average" or "trained"; by default the moving average, where there is one.
        standing_passes: batches for new batch-norm statistics at the truncation, see `kerasgan.standing_statistics`; 0
            for those of the training.
        batch_size: images generated at a time.
        name: of the model, for the protocol.
        verbose: whether to print lines of progress.

    Returns:
        `Result`s in the order of the metrics; "prdc" gives four.

    Raises:
        ValueError: naming the argument that is wrong, before images are generated; or if images or features are not
            finite numbers of the shape that is expected.
        FloatingPointError: if the generator gives NaN or infinity.

    Example:
        >>> network = kerasgan.metrics.features.load("garments")
        >>> reference = kerasgan.metrics.Reference.of_arrays(images, network, name="my garments")
        >>> [distance] = kerasgan.metrics.evaluate(gan, reference, "fid", n=500)  # 50,000 for a final number
        >>> print(distance)  # with its protocol
    """
    wanted = check(model, reference, metrics, n, seed, truncation)
    validation.integer("standing_passes", standing_passes, 0)
    numbers, named = _matched(model, reference)
    sampler, weights = sampler_of(model, weights)
    if standing_passes:
        sampler = standing_statistics.standing_statistics(sampler, truncation, standing_passes)
    labels, manner = _labels(model, reference, numbers, named, n, seed)
    notes = (
        f"batch norm's statistics of {standing_passes} new batches"
        if standing_passes
        else batch_norm_note(sampler, weights),
        f"truncation {truncation:g}" if truncation is not None else "no truncation",
        *manner,
    )
    strategy = getattr(model, "distribute_strategy", None) or tf.distribute.get_strategy()  # threads do not know it
    if "images" not in reference.of:
        batches = generated(sampler, n, seed, labels, truncation, batch_size, strategy)
        made = np.concatenate([reference.kept(batch) for batch, _ in batches])
        return _results(made, reference, n, wanted, reference, seed, name, weights, notes)
    own = workers.share(strategy, n)
    batches = generated(sampler, n, seed, labels, truncation, batch_size, strategy, own)
    batches = _as_the_reference_has(batches, numbers, model.num_classes)
    judged = _judged(batches, n, wanted, reference, seed, name, verbose, strategy)
    return _results(*judged, n, wanted, reference, seed, name, weights, notes, named)


def evaluate_images(
    images: np.ndarray,
    reference: Reference,
    metrics: str | Sequence[str] = ("fid",),
    labels: npt.ArrayLike | None = None,
    seed: int = 0,
    name: str = "arrays",
    notes: tuple[str, ...] = (),
    verbose: bool = False,
) -> list[Result]:
    """Measure images in memory against a reference: those of another program, or real ones.

    Args:
        images: uint8 [N, H, W, C], N at least 2, in no particular order.
        reference: `Reference`: real images of the same shape, with the feature network.
        metrics: as for `evaluate`.
        labels: integers [N] of at least 0, the reference's numbers of the classes, which "class-accuracy" and
            "intra-fid" need; or `None`.
        seed: integer from 0 to 2^32 - 1, of measures that draw.
        name: what the images are, for the protocol.
        notes: how they were made, for the protocol.
        verbose: whether to print lines of progress.

    Returns:
        `Result`s in the order of the metrics.

    Raises:
        ValueError: naming the argument that is wrong; or if images or features are not such as is expected.
    """
    images = extraction.checked_images(images)
    check_range(images.max())
    labels = None if labels is None else validation.labels("labels", labels, len(images))
    validation.several("notes", notes)
    wanted = _fitting(images.shape[1:], labels is not None, reference, metrics)
    validation.integer_within("seed", seed, np.uint32)  # as the kernel distance draws by it
    if any(measure.labels for measure in wanted.values()):
        known = len(reference.class_names or reference.class_counts)
        if labels.max() >= known:
            raise ValueError(
                f"labels: expected integers below {known}, the classes of {reference.name}; got {labels.max()}"
            )
    batches, strategy = _shared(extraction.in_batches(images, labels), len(images))
    judged = _judged(batches, len(images), wanted, reference, seed, name, verbose, strategy)
    return _results(*judged, len(images), wanted, reference, seed, name, "", notes)


def evaluate_set(
    images: Reference,
    reference: Reference,
    metrics: str | Sequence[str] = ("fid",),
    seed: int = 0,
    notes: tuple[str, ...] = (),
    verbose: bool = False,
) -> list[Result]:
    """Measure one set of images against another, both read as they are needed: a folder against a folder.

    Where labels are needed, the classes are matched by their names, as `evaluate` does.

    Args:
        images: `Reference` of the images to measure, with the same network.
        reference: `Reference` of the real ones, of the same shape.
        metrics: as for `evaluate`.
        seed: as for `evaluate_images`.
        notes: as for `evaluate_images`.
        verbose: whether to print lines of progress.

    Returns:
        `Result`s in the order of the metrics.

    Raises:
        ValueError: naming the argument that is wrong; or if images or features are not such as is expected.
    """
    if (images.network.name, images.network.digest) != (reference.network.name, reference.network.digest):
        raise ValueError(
            f"images: expected the network {reference.network.name}, as the reference has; got {images.network.name}"
        )
    validation.several("notes", notes)
    wanted = _fitting(images.image_shape, True, reference, metrics)
    validation.integer_within("seed", seed, np.uint32)  # as the kernel distance draws by it
    numbers, named = _numbers_of_set(images, reference, wanted)
    batches, strategy = _shared(images.labelled_batches(), images.count)
    batches = batches if numbers is None else ((some, numbers[labels]) for some, labels in batches)
    judged = _judged(batches, images.count, wanted, reference, seed, images.name, verbose, strategy)
    return _results(*judged, images.count, wanted, reference, seed, images.name, "", notes, named)


def _numbers_of_set(images, reference, wanted):
    """The reference's number of each class of images, or `None` for the same; and whether names were compared."""
    for metric, measure in wanted.items():
        if measure.labels:
            if images.class_counts is None:
                raise ValueError(f"metrics: {metric} needs labels of {images.name}, which has none")
            count = len(reference.class_names or reference.class_counts)
            names = images.class_names or classes.unnamed(len(images.class_counts))
            numbers, named = classes.matched(reference.class_names, count, names, images.name, reference.name)
            return None if numbers is None else np.array(numbers), named
    return None, True


def _shared(batches, count):
    """This worker's part of batches, and the strategy in whose scope it is asked for."""
    strategy = tf.distribute.get_strategy()
    return extraction.of_rows(batches, workers.share(strategy, count)), strategy


def _judged(batches, count, wanted, reference, seed, name, verbose, strategy=None):
    """What the measures need of batches of images, and of the reference's."""
    needs, real_needs = Needs(), Needs()
    for measure in wanted.values():
        needs |= measure.needs
        real_needs |= measure.needs if measure.reference else Needs()
    compared = any(measure.reference for measure in wanted.values())
    real = reference.extracted(Needs(features=real_needs.features), seed, strategy) if compared else None
    what = f"{name or 'generated'}, {reference.network.name}" if verbose else ""
    return extraction.extract(batches, reference.network, count, needs, seed, what, strategy), real


def _results(made, real, count, wanted, reference, seed, name, weights, notes, named=True):
    """What the measures find."""
    results = []
    for measure in wanted.values():
        judged, compared = made, named
        if measure.network_classes:
            numbers, by_name = _of_the_network(reference)
            names = reference.network.class_names
            judged = dataclasses.replace(made, labels=numbers[made.labels], class_names=names)
            compared = named and by_name
        for measurement in measure.function(judged, real if measure.reference else None, seed):
            protocol = Protocol(
                network=measurement.network or reference.network.name,
                network_weights="" if measurement.network else reference.network.digest,
                model=name,
                samples=count,
                reference=reference.name if measure.reference else "",
                reference_samples=reference.count if measure.reference else 0,
                data=reference.data if measure.reference else "",
                features=measurement.features or reference.network.features,
                seed=seed,
                splits=measurement.splits,
                weights=weights,
                notes=(
                    *measurement.notes,
                    *notes,
                    *([] if measurement.network else reference.network.protocol(reference.image_shape)),
                ),
            )
            caveats = measurement.caveats if compared or not measure.labels else (*measurement.caveats, _BY_NUMBER)
            results.append(
                Result(
                    measure=measurement.measure,
                    value=measurement.value,
                    std=measurement.std,
                    protocol=protocol,
                    caveats=caveats,
                )
            )
    return results


def check(model, reference, metrics, n, seed, truncation=None):
    """Return the measures by name that `evaluate` is asked for.

    Raises:
        ValueError: if model, reference, metrics and numbers do not fit together.
    """
    validation.integer("n", n, 2)
    validation.integer_within("seed", seed, np.uint32)  # as the kernel distance draws by it
    if truncation is not None:
        validation.number("truncation", truncation, lambda it: it > 0, "a positive number or None")
    wanted = _fitting(tuple(model.image_shape), model.num_classes is not None, reference, metrics)
    for metric, measure in wanted.items():
        if n < measure.least:
            raise ValueError(f"n: expected at least {measure.least} images for {metric}; got {n}")
    _independent(model, reference, wanted)
    numbers, named = _matched(model, reference)
    for metric, measure in wanted.items():
        if measure.least_a_class:
            labels, _ = _labels(model, reference, numbers, named, n, seed)
            made = np.bincount(labels, minlength=model.num_classes)[slice(None) if numbers is None else numbers]
            lacks = made[: len(reference.class_counts)] < measure.least_a_class
            few = np.flatnonzero(lacks & (reference.class_counts > 0))
            if len(few):
                raise ValueError(
                    f"n: expected so many images that {metric} has {measure.least_a_class} of each class; of {n} with "
                    f"seed {seed} the classes {few.tolist()} have fewer"
                )
    return wanted


def _independent(model, reference, wanted):
    """Raise `ValueError` where a measure would ask the network against which the generator was trained."""
    against = model.trained_against
    asked = against is not None and any(not measure.needs.images for measure in wanted.values())
    if asked and reference.network.name.startswith(against):
        raise ValueError(
            f"reference: expected a feature network other than {against}, which the generator was trained to please, "
            f"so that its numbers mean nothing; got {reference.network.name}: judge it with another network"
        )


def _fitting(image_shape, labelled, reference, metrics):
    wanted = measures.chosen(metrics)
    if tuple(image_shape) != tuple(reference.image_shape):
        raise ValueError(
            f"reference: expected {reference.of[0]} of shape {tuple(image_shape)}, as the generated ones are; "
            f"{reference.name} has {tuple(reference.image_shape)}"
        )
    for metric, measure in wanted.items():
        if measure.of not in reference.of:
            raise ValueError(f"metrics: {metric} is a measure of {measure.of}; {reference.name} has {reference.of[0]}")
        if measure.needs.probabilities and reference.network.classes is None:
            raise ValueError(f"metrics: {metric} needs a network that classifies; {reference.network.name} does not")
        if measure.labels and not labelled:
            raise ValueError(
                f"metrics: {metric} needs labels of the generated images, which have none: leave it out, or train with "
                "classes (--set data.labels=true)"
            )
        if measure.labels and reference.class_counts is None:
            raise ValueError(
                f"metrics: {metric} needs labels of the reference's images, and {reference.name} has none: a folder "
                "for each class, or Reference.of_arrays(images, network, labels=...)"
            )
        if measure.network_classes:
            if reference.network.class_names is None:
                raise ValueError(
                    f"metrics: {metric} needs a network whose classes are known by name, as those of garments and "
                    f"cifar10 are; got {reference.network.name}"
                )
            _of_the_network(reference)
    return wanted


def _of_the_network(reference):
    """The network's numbers of the reference's classes, and whether names were compared."""
    network = reference.network
    names = reference.class_names or classes.unnamed(len(reference.class_counts))
    whose = f"the network {network.name}"
    numbers, named = classes.matched(network.class_names, network.classes, names, reference.name, whose)
    return np.arange(len(names)) if numbers is None else np.array(numbers), named


def generated(
    sampler, n: int, seed: int = 0, labels=None, truncation=None, batch_size: int = 100, strategy=None, own=None
):
    """Yield n images of a sampler in batches, pairs of uint8 [B, H, W, C] and labels [B] (`None` without classes).

    The same images as `sampler.sample(n, seed, labels, truncation)`, made on all replicas of a strategy: that in whose
    scope the sampler was made, by default the current one. `own` is a slice of them, by default all.

    Raises:
        FloatingPointError: if the generator gives NaN or infinity.
    """
    validation.integer("batch_size", batch_size, 1)
    strategy = strategy or tf.distribute.get_strategy()
    labels = sample_checks.sample_labels(labels, n, sampler.num_classes)
    bounds = np.full(n, np.inf if truncation is None else truncation, np.float32)
    sampler.prepare_sampling()
    made = spread(strategy, sampler.compiled_sampler)
    own = own or slice(0, n)
    for first in range(own.start, own.stop, batch_size):
        rows = slice(first, min(first + batch_size, own.stop))
        inputs = [np.arange(rows.start, rows.stop, dtype=np.int64) + seed, bounds[rows]]
        inputs += [] if labels is None else [labels[rows]]
        with finite.told():
            images = made(*inputs)
        yield images, None if labels is None else labels[rows]


def sampler_of(model, weights: str | None = None):
    """Return what samples with the weights that are asked for, and their name.

    Args:
        model: `Sampler`.
        weights: "moving average", "trained", or `None` for those that `model.sample` uses.

    Returns:
        (`Sampler`, "moving average" or "trained").

    Raises:
        ValueError: if the model has no such weights.
    """
    weights = weights or ("moving average" if model.averaged else "trained")
    if weights == "moving average" and not model.averaged:
        raise ValueError("weights: expected 'trained', as the model has no moving average; got 'moving average'")
    if weights not in ("moving average", "trained"):
        raise ValueError(f"weights: expected 'moving average' or 'trained'; got {quoted(weights)}")
    has_both = model.sampling_generator is not model.generator
    if weights == "trained" and model.averaged and not has_both:
        raise ValueError("weights: expected 'moving average', as a preset holds no others; got 'trained'")
    if weights == "trained" and has_both:
        return model.as_sampler(model.generator, model.latent, averaged=False), weights
    return model, weights


def batch_norm_note(sampler, weights):
    """What a protocol says of batch norm's statistics."""
    if sampler.batch_norm_statistics is not None:
        return sampler.batch_norm_statistics
    if weights == "trained":
        return "batch norm in inference"
    if not standing_statistics.batch_norms(sampler.sampling_generator):
        return "no batch norm"
    step = getattr(sampler, "step", None)
    if step is not None and int(step.numpy()) == 0:  # until then the average is a copy
        return "batch norm in inference"
    batches = f"{standing_statistics.PASSES} batches of {standing_statistics.ROWS}"
    return f"batch norm with the moving average's own statistics ({batches})"


def _matched(model, reference):
    """Which of the model's classes those of the reference are; see `kerasgan.utils.classes.matched`."""
    if model.num_classes is None:
        return None, True
    return classes.matched(model.class_names, model.num_classes, reference.class_names, reference.name)


def _labels(model, reference, numbers, named, n, seed):
    """Labels for n images, and in words how they were chosen; `None` and () without classes."""
    if model.num_classes is None:
        return None, ()
    counts, known = reference.class_counts, model.num_classes if numbers is None else len(numbers)
    if counts is not None and len(counts) > known:
        raise ValueError(
            f"reference: expected labels below {known}, the model's classes; {reference.name} has {len(counts) - 1}"
        )
    if counts is None or (len(counts) == model.num_classes and len(set(counts)) == 1):
        return np.arange(n) % model.num_classes, ("labels 0, 1, ... in turn",)
    frequencies = np.zeros(model.num_classes)
    frequencies[np.arange(known)[: len(counts)] if numbers is None else numbers[: len(counts)]] = counts / counts.sum()
    notes = ["labels drawn with the reference's frequencies" + ("" if named else ", classes matched by number")]
    if known < model.num_classes:
        notes.append(f"of {known} of the model's {model.num_classes} classes: {classes.listed(reference.class_names)}")
    return np.random.default_rng(seed).choice(model.num_classes, n, p=frequencies), tuple(notes)


def _as_the_reference_has(batches, numbers, count):
    """Batches whose labels are the reference's numbers of the model's classes."""
    if numbers is None:
        return batches
    places = np.full(count, -1)
    places[numbers] = np.arange(len(numbers))
    return ((images, places[labels]) for images, labels in batches)
