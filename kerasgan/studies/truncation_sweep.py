"""The study `truncation`: what a bound on the latents gives in fidelity and takes in variety.

Brock, Donahue and Simonyan 2019, "Large scale GAN training for high fidelity natural image synthesis",
arXiv:1809.11096, section 3.1: the curve of figure 17 (inception score against FID, one point a threshold) and the
picture of figure 2 (one row a threshold). Any two numbers of `kerasgan evaluate` may make the curve.
"""

import math
import pathlib

import numpy as np

from kerasgan import data, metrics
from kerasgan.metrics.evaluation import evaluator, measures
from kerasgan.models import standing_statistics
from kerasgan.studies import report
from kerasgan.training import evaluation, run_folder
from kerasgan.utils import cache_root, validation
from kerasgan.visualization import figures

TRUNCATIONS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
COLOUR, REAL_COLOUR = "#2a7f9e", "#d1603d"
_COLUMNS = 12


def truncation_sweep(model, truncations, reference, names=("fid", "is"), n=5000, seed=0, standing_passes=0, name=""):
    """Measure samples at several truncation thresholds, with the same seeds and labels at each.

    Args:
        model: `Sampler`, such as a `GAN`.
        truncations: positive numbers, bounds on |z|; `math.inf` for none.
        reference: `kerasgan.metrics.Reference`: real images, and the feature network.
        names: of `kerasgan.metrics.evaluation.measures.MEASURES`, in a sequence or in a text with commas.
        n: images at each threshold, at least 2.
        seed: image i has seed `seed + i`.
        standing_passes: batches for new batch-norm statistics at each threshold, see `kerasgan.standing_statistics`; 0
            for those of the training.
        name: of the model, for the protocol.

    Returns:
        A list of the `kerasgan.metrics.result.Result`s of each threshold, in the order of the thresholds.

    Raises:
        ValueError: if there are no thresholds, one is not positive, or as `kerasgan.metrics.evaluate`.
    """
    truncations = _checked(truncations)
    evaluator.check(model, reference, names, n, seed)
    rows = []
    bar = report.Bar("thresholds", len(truncations))
    for done, truncation in enumerate(truncations, 1):
        bound = None if math.isinf(truncation) else truncation
        results = metrics.evaluate(model, reference, names, n, seed, bound, standing_passes=standing_passes, name=name)
        rows.append(results)
        values = ", ".join(f"{one.name} {one.value:.4g}" for one in results)
        bar.show(done, f"truncation {_named(truncation)}: {values}")
    return rows


def run(
    model,
    out,
    truncations=TRUNCATIONS,
    names="fid,is",
    network="garments",
    n=5000,
    seed=0,
    standing_passes=0,
    real=None,
    data_dir=None,
):
    """Run the study: `truncation.png` and `result.json`.

    The first two numbers that the metrics give make the curve; the same of the first `n` held-out images (the test
    split), where the data have one, are drawn beside it.

    Args:
        model: run folder, preset's folder or `.keras` file.
        out: output folder.
        truncations: positive numbers.
        names: names of metrics with commas, which give at least two numbers.
        network: name of the feature network.
        n: images at each threshold, at least 2.
        seed: image i has seed `seed + i`.
        standing_passes: batches for new batch-norm statistics at each threshold; 0 for those of the training.
        real: where the real images come from, see `kerasgan.training.evaluation.evaluate`; those of the run by default.
        data_dir: TFDS's folder; the recipe's by default.

    Returns:
        Path of `result.json`.

    Raises:
        ValueError: if a number is not allowed, model, data, metrics and network do not fit together, or the folder
            holds a result of other settings.
        FileNotFoundError: if there is no such model.
        ConnectionError: as `kerasgan.data.tfds`.
    """
    truncations = sorted(_checked(truncations))
    if len(measures.chosen(names)) < 2 and names != "prdc":  # which gives four
        raise ValueError(f"metrics: expected some that give two numbers, for a curve; got {names!r}")
    out = pathlib.Path(out)
    settings = {
        "model": model,
        "truncations": [_number(truncation) for truncation in truncations],
        "metrics": names,
        "network": network,
        "n": n,
        "seed": seed,
        "standing_passes": standing_passes,
        "real": real,
        "data_dir": data_dir,
    }
    report.earlier(out, settings)
    gan = run_folder.load_model(model)
    section = evaluation.data_section(real or model)
    where = cache_root.root()
    reference = section.reference(gan.image_shape, network, data_dir=data_dir, cache=where, verbose=True)
    evaluator.check(gan, reference, names, n, seed)
    held_out = _held_out(section, reference, names, n, seed, data_dir)  # first, lest an error there lose the others
    found = truncation_sweep(gan, truncations, reference, names, n, seed, standing_passes, str(model))
    rows = [
        {"truncation": _number(truncation), "results": [one.to_dict() for one in results]}
        for truncation, results in zip(truncations, found)
    ]
    real_rows = None if held_out is None else [one.to_dict() for one in held_out]
    path = report.write_result(out, settings, {"thresholds": rows, "held_out": real_rows})
    shown = rows_of_images(gan, truncations, seed=seed, standing_passes=standing_passes)
    draw(out / "truncation.png", truncations, found, shown, held_out)
    return path


def _held_out(section, reference, names, n, seed, data_dir):
    """The metrics of the first n images of the test split, or `None` if the data have none or too few."""
    if section.tfds is None or section.split == "test":
        return None
    try:
        source = data.tfds(section.tfds, split="test", data_dir=data_dir or section.data_dir)
    except ValueError:  # there is no such split
        return None
    if source.count < n:
        return None
    height, _, channels = reference.image_shape
    batches = data.in_order(source, height, channels, 100, section.center_crop).as_numpy_iterator()
    images, labels = zip(*(next(batches) for _ in range(-(-n // 100))))
    labels = np.concatenate(labels)[:n] if source.class_names else None
    return metrics.evaluate_images(
        np.concatenate(images)[:n], reference, names, labels, seed, f"{section.tfds} test, the first {n:,}"
    )


def rows_of_images(model, truncations, columns=_COLUMNS, seed=0, standing_passes=0):
    """Return the images of the picture, uint8 [thresholds, columns, H, W, C]: seeds from `seed` on in each row.

    Of a conditional model, columns have the labels 0, 1, ... in turn.
    """
    rows = []
    for truncation in truncations:
        bound = None if math.isinf(truncation) else truncation
        sampler = standing_statistics.standing_statistics(model, bound, standing_passes) if standing_passes else model
        rows.append(sampler.sample(columns, seed=seed, truncation=bound))
    return np.stack(rows)


def draw(path, truncations, found, images, held_out=None):
    """Draw one number against another, a point a threshold, and beside it a row of images for each threshold.

    Args:
        path: PNG file to write.
        truncations: the thresholds.
        found: what `truncation_sweep` returned for them; the first number is on the horizontal axis, the second on
            the vertical one.
        images: what `rows_of_images` returned for them.
        held_out: the same numbers of real images, drawn as a star; `None` for none.

    Returns:
        The path.
    """
    count, columns, height, width = images.shape[:4]
    figure = figures.new((5.6 + 0.5 * columns * width / height, max(4.6, 0.56 * count)))
    left, right = figure.subfigures(1, 2, width_ratios=(5.2, 0.5 * columns * width / height))
    axes = left.subplots()
    places = [(results[0].value, results[1].value) for results in found]
    axes.plot(*zip(*places), color=COLOUR, lw=1.6, marker="o", ms=5)
    for truncation, place in zip(truncations, places):
        axes.annotate(_named(truncation), place, xytext=(5, 5), textcoords="offset points", fontsize=8)
    if held_out is not None:
        place = held_out[0].value, held_out[1].value
        axes.plot(*place, color=REAL_COLOUR, marker="*", ms=13, lw=0)
        axes.annotate("real images", place, xytext=(8, -3), textcoords="offset points", fontsize=8)
    axes.margins(0.12)
    values = [place[0] for place in places]
    axes.set(
        xscale="log" if min(values) > 0 and max(values) > 10 * min(values) else "linear",
        xlabel=found[0][0].name,
        ylabel=found[0][1].name,
        title="fidelity and variety, a point a threshold",
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    for axis, truncation, line in zip(right.subplots(count, 1, squeeze=False)[:, 0], truncations, images):
        strip = line.transpose(1, 0, 2, 3).reshape(height, columns * width, -1)
        axis.imshow(strip[:, :, 0] if strip.shape[-1] == 1 else strip, cmap="gray", vmin=0, vmax=255)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_ylabel(_named(truncation), rotation=0, ha="right", va="center", fontsize=9)
    right.suptitle("the same latents in each column, their bound on the left", fontsize=10)
    return report.save_figure(figure, path)


def _number(truncation):
    """A bound as JSON has it, `None` for no bound."""
    return None if math.isinf(truncation) else truncation


def _named(truncation):
    return "none" if math.isinf(truncation) else f"{truncation:g}"


def _checked(truncations):
    truncations = [float(truncation) for truncation in validation.several("truncations", truncations)]
    if not truncations or not all(truncation > 0 for truncation in truncations):
        raise ValueError(f"truncations: expected positive numbers, one at least; got {truncations}")
    return truncations
