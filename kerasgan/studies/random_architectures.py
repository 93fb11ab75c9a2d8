"""The study `random-architectures`: how many random architectures does an objective train?

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, section 5.1, tables 1 and 2: DCGANs
with random nonlinearity, depth, normalization and number of filters, each trained as a standard GAN and as a WGAN-GP;
how often does each reach a given inception score? The paper trains 200 on ImageNet at 32x32 and scores with Inception.
Here they are trained on Fashion-MNIST, scored by the garment classifier (at most 10), and have by default a quarter of
the paper's filters: the numbers are not to be compared with the paper's, the two objectives with each other are.
"""

import dataclasses
import json
import math
import pathlib
import time

import keras
import numpy as np

from kerasgan import objectives
from kerasgan.data import fashion_mnist_arrays
from kerasgan.metrics import inception_score
from kerasgan.metrics.features import garment_classifier
from kerasgan.networks import random_architectures as networks
from kerasgan.studies import report, training
from kerasgan.utils import atomic_files, validation
from kerasgan.visualization import figures, image_grid

OBJECTIVES = {"SGAN": objectives.SGAN, "WGANGP": objectives.WGANGP}
NONLINEARITIES = ("relu", "leaky_relu", "softplus", "tanh")
DEPTHS = (4, 8, 12, 20)
FILTERS = (32, 64, 128)
THRESHOLDS = (1.0, 3.0, 5.0, 7.0, 9.0)  # the paper's, of the inception score
OUTCOMES = {  # whether SGAN and WGAN-GP succeed: name
    (True, False): "only SGAN",
    (False, True): "only WGANGP",
    (True, True): "both",
    (False, False): "neither",
}
SAMPLES = 5000
COLOURS = ("#d1603d", "#2a7f9e", "#6b9e4f", "#cccccc")  # of the outcomes
_SHOWN = 10
_FAILED = -0.5  # where failures are drawn on the axes of the scores


@dataclasses.dataclass(frozen=True)
class Architecture:
    """One draw from table 1; see `kerasgan.networks.random_architectures`.

    Attributes:
        generator_norm: whether the generator has batch norm.
        critic_norm: whether the critic has batch norm, or for WGAN-GP layer norm.
    """

    generator_nonlinearity: str
    critic_nonlinearity: str
    generator_depth: int
    critic_depth: int
    generator_norm: bool
    critic_norm: bool
    generator_filters: int
    critic_filters: int


def draw(index, seed=0, filters_scale=1.0):
    """Draw an architecture, everything independently and uniformly.

    Args:
        index: which one; number 7 is the same however many are drawn.
        seed: integer.
        filters_scale: what the paper's 32, 64 or 128 filters are multiplied by.

    Returns:
        `Architecture`.

    Raises:
        ValueError: if the filters are then not positive integers.
    """
    filters = [_scaled(base, filters_scale) for base in FILTERS]
    rng = np.random.default_rng([seed, index])
    sets = (NONLINEARITIES, NONLINEARITIES, DEPTHS, DEPTHS, (True, False), (True, False), filters, filters)
    return Architecture(*(options[rng.integers(len(options))] for options in sets))


def build(architecture, objective, seed=0, image_shape=(32, 32, 1)):
    """Build and compile the GAN of an architecture, with the objective's own optimizers.

    Args:
        architecture: `Architecture`.
        objective: "SGAN" or "WGANGP".
        seed: integer, of the weights and the training.
        image_shape: (32, 32, channels).

    Returns:
        The compiled `GAN`.
    """
    keras.utils.set_random_seed(seed)
    critic_norm = "layer" if objective == "WGANGP" else "batch"
    generator = networks.generator(
        image_shape,
        filters=architecture.generator_filters,
        depth=architecture.generator_depth,
        nonlinearity=architecture.generator_nonlinearity,
        normalization="batch" if architecture.generator_norm else None,
    )
    critic = networks.critic(
        image_shape,
        filters=architecture.critic_filters,
        depth=architecture.critic_depth,
        nonlinearity=architecture.critic_nonlinearity,
        normalization=critic_norm if architecture.critic_norm else None,
    )
    gan = OBJECTIVES[objective](generator, critic, seed=seed)
    gan.compile()
    return gan


def train(architecture, objective, images, classifier, steps, seed=0, batch_size=64, samples=SAMPLES, what=""):
    """Train one architecture with one objective, and score it.

    Args:
        architecture: `Architecture`.
        objective: "SGAN" or "WGANGP".
        images: uint8 [N, 32, 32, C], the training images.
        classifier: `keras.Model` to class probabilities.
        steps: generator updates; WGAN-GP takes five critic updates for each, SGAN one.
        seed: integer.
        batch_size: images of an update.
        samples: generated images that are scored.
        what: name in front of the lines of progress.

    Returns:
        (score, failure, images): inception score over 10 splits and `None`, or `None` and what became NaN or infinite;
        and the first ten samples, uint8, of no meaning after a failure.
    """
    gan = build(architecture, objective, seed, images.shape[1:])
    score, failure = None, None
    try:
        training.fit(gan, images, batch_size, steps, what)
        if not all(np.isfinite(weight).all() for weight in gan.get_weights()):
            raise FloatingPointError("a weight became NaN or infinite in the last steps")
    except FloatingPointError as error:
        failure = str(error)
    made = gan.sample(_SHOWN if failure else samples)
    if not failure:
        rows = garment_classifier.probabilities(classifier, made)
        score = inception_score.inception_score(rows).mean
    return score, failure, made[:_SHOWN]


def run(out, architectures=20, steps=500, filters_scale=0.25, batch_size=64, seed=0, classifier=None, data_dir=None):
    """Run the study, or go on with it: `results.jsonl`, `random_architectures.png` and `result.json`.

    Each finished training is one line of `results.jsonl`, and is not repeated when the study is run again, perhaps with
    more architectures.

    Args:
        out: output folder.
        architectures: how many are drawn.
        steps: generator updates of each training.
        filters_scale: what the paper's 32, 64 or 128 filters are multiplied by.
        batch_size: images of an update.
        seed: integer, of the draw and the trainings.
        classifier: folder of the garment classifier; `out` by default.
        data_dir: TFDS's folder.

    Returns:
        Path of `result.json`.

    Raises:
        ValueError: if a number is not allowed, or the folder holds trainings with other settings.
        ConnectionError: as `kerasgan.data.tfds`.
    """
    for name, value in (("architectures", architectures), ("steps", steps), ("batch_size", batch_size)):
        validation.integer(name, value, 1)
    validation.integer_within("seed", seed, np.uint32)
    drawn = [draw(index, seed, filters_scale) for index in range(architectures)]
    settings = {"steps": steps, "filters_scale": filters_scale, "batch_size": batch_size, "seed": seed}
    out = pathlib.Path(out)
    rows = read_results(out / "results.jsonl", settings)
    network, accuracy = garment_classifier.load_or_train(classifier or out, data_dir)
    images, _ = fashion_mnist_arrays.arrays("train", data_dir)
    train_all(out, drawn, rows, settings, images, network)
    table = outcomes(rows, architectures)
    print(as_text(table))
    result = {"outcomes": table, "trainings": rows, "classifier_accuracy": accuracy}
    path = report.write_result(out, {"architectures": architectures, "samples": SAMPLES, **settings}, result)
    draw_picture(out / "random_architectures.png", out, rows, table, architectures)
    return path


def train_all(out, drawn, rows, settings, images, classifier):
    """Train what has no row yet; after each training append its row to `rows` and write them all.

    Args:
        out: folder of `results.jsonl` and `samples`.
        drawn: list of `Architecture`s.
        rows: list of the rows so far; changed.
        settings: dict with `steps`, `batch_size`, `seed` and `filters_scale`.
        images: uint8 [N, 32, 32, C], the training images.
        classifier: `keras.Model` to class probabilities.
    """
    done = {(row["index"], row["objective"]) for row in rows}
    for index, architecture in enumerate(drawn):
        for objective in OBJECTIVES:
            if (index, objective) in done:
                continue
            keras.utils.clear_session()  # frees the last training's graphs
            began = time.perf_counter()
            score, failure, made = train(
                architecture,
                objective,
                images,
                classifier,
                settings["steps"],
                settings["seed"],
                settings["batch_size"],
                SAMPLES,
                what=f"architecture {index + 1}/{len(drawn)}, {objective}",
            )
            with atomic_files.written_whole(_samples(out, index, objective)) as beside:
                np.save(beside, made)
            seconds = round(time.perf_counter() - began, 1)
            row = {"index": index, "objective": objective, "score": score, "failure": failure, "seconds": seconds}
            rows.append({**row, "architecture": dataclasses.asdict(architecture), "settings": settings})
            with atomic_files.written_whole(out / "results.jsonl") as beside:
                beside.write_text("".join(json.dumps(line) + "\n" for line in rows))
            print(f"architecture {index + 1}, {objective}: {failure or f'score {score:.2f}'}", flush=True)


def read_results(path, settings):
    """Return the rows of a `results.jsonl`, none where there is no such file.

    Raises:
        ValueError: if a line is no result, or one of other settings.
    """
    if not path.is_file():
        return []
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            row = json.loads(line)
            other = row["settings"]
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{path}: line {number} is no result of this study; give another folder") from None
        if other != settings:
            raise ValueError(f"{path}: expected trainings with {settings}; line {number} has {other}")
        rows.append(row)
    return rows


def outcomes(rows, architectures):
    """Count which objectives succeed, as table 2 of the paper.

    Success is a score above the threshold; a failed training has none.

    Args:
        rows: the study's rows.
        architectures: how many are counted, the first ones; all must have been trained.

    Returns:
        A list of dicts, for each threshold: `threshold` and the numbers of architectures by outcome.
    """
    scores = {(row["index"], row["objective"]): -np.inf if row["score"] is None else row["score"] for row in rows}
    table = []
    for threshold in THRESHOLDS:
        counts = dict.fromkeys(OUTCOMES.values(), 0)
        for index in range(architectures):
            counts[OUTCOMES[tuple(scores[index, objective] > threshold for objective in OBJECTIVES)]] += 1
        table.append({"threshold": threshold, **counts})
    return table


def as_text(table):
    """Return the table of `outcomes` as lines of text."""
    names = OUTCOMES.values()
    lines = ["score above  " + "  ".join(f"{name:>11}" for name in names)]
    lines += [f"{row['threshold']:>11.1f}  " + "  ".join(f"{row[name]:>11}" for name in names) for row in table]
    return "\n".join(lines)


def draw_picture(path, out, rows, table, architectures):
    """Draw the scores of both objectives, the table, and samples of up to ten architectures; returns the path."""
    by_architecture = {(row["index"], row["objective"]): row for row in rows}
    shown = range(min(architectures, 10))
    figure = figures.new((13.5, max(6.0, 0.75 * len(shown) + 1)))
    left, right = figure.subfigures(1, 2, width_ratios=(1, 2.2))
    scatter, bars = left.subplots(2, 1, height_ratios=(1.6, 1))

    pairs = [[by_architecture[index, objective]["score"] for objective in OBJECTIVES] for index in range(architectures)]
    x, y = np.array([[_FAILED if score is None else score for score in pair] for pair in pairs]).T
    scatter.plot([1, 10], [1, 10], color="#bbbbbb", lw=1, ls="--", zorder=0)
    scatter.scatter(x, y, s=36, alpha=0.8, color="#444444", lw=0)
    ticks = [_FAILED, 1, 3, 5, 7, 9]
    scatter.set(xlim=(-1.2, 10), ylim=(-1.2, 10), aspect="equal", xlabel="SGAN", ylabel="WGAN-GP")
    scatter.set_xticks(ticks, ["failed", *ticks[1:]], fontsize=8)
    scatter.set_yticks(ticks, ["failed", *ticks[1:]], fontsize=8)
    scatter.set_title(f"inception score of {architectures} architectures", fontsize=10)
    start = np.zeros(len(table))
    for name, colour in zip(OUTCOMES.values(), COLOURS):
        counts = np.array([row[name] for row in table])
        bars.barh(range(len(table)), counts, left=start, color=colour, label=name.replace("WGANGP", "WGAN-GP"))
        start += counts
    bars.set_yticks(range(len(table)), [f"> {row['threshold']:g}" for row in table])
    bars.invert_yaxis()
    bars.set_title("which objective exceeds a score", fontsize=10)
    bars.legend(frameon=False, fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    for axes in (scatter, bars):
        axes.spines[["top", "right"]].set_visible(False)

    grid = right.subplots(len(shown), len(OBJECTIVES), squeeze=False)
    for line, index in zip(grid, shown):
        for axes, objective in zip(line, OBJECTIVES):
            row = by_architecture[index, objective]
            score = "failed" if row["score"] is None else f"{row['score']:.2f}"
            axes.imshow(
                image_grid.tiles(np.load(_samples(out, index, objective)), _SHOWN), cmap="gray", vmin=0, vmax=255
            )
            axes.set_title(f"{objective.replace('WGANGP', 'WGAN-GP')} {score}", fontsize=8, loc="right", pad=2)
            axes.set(xticks=[], yticks=[])
        line[0].set_title(describe(by_architecture[index, "SGAN"]["architecture"]), fontsize=7, loc="left", pad=2)
    return report.save_figure(figure, path)


def describe(architecture):
    """Return one line on an architecture's dict: nonlinearity, depth, filters and norm of generator and critic."""
    parts = []
    for short, network in (("G", "generator"), ("D", "critic")):
        norm = "norm" if architecture[f"{network}_norm"] else "no norm"
        parts.append(
            f"{short}: {architecture[f'{network}_nonlinearity']} {architecture[f'{network}_depth']}x"
            f"{architecture[f'{network}_filters']} {norm}"
        )
    return "  ".join(parts)


def _samples(out, index, objective):
    return pathlib.Path(out) / "samples" / f"{index:03d}-{objective}.npy"


def _scaled(base, scale):
    filters = base * scale
    if not 1 <= filters < math.inf or filters != int(filters):
        raise ValueError(f"filters_scale: expected one that makes {base} filters a positive integer; got {scale!r}")
    return int(filters)
