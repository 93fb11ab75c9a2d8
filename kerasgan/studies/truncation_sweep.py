"""The study `truncation`: what a bound on the latents gives in fidelity and takes in variety.

Brock, Donahue and Simonyan 2019, "Large scale GAN training for high fidelity natural image synthesis",
arXiv:1809.11096, section 3.1: the curve of figure 17 (inception score against FID, one point a threshold) and the
picture of figure 2 (one row a threshold). The paper's scores are Inception's on ImageNet; here they are, on
Fashion-MNIST, those of a small classifier of garments, on a scale of its own.
"""

import math
import pathlib

import numpy as np

from kerasgan import arguments, runs
from kerasgan.metrics import frechet
from kerasgan.metrics.inception_score import inception_score
from kerasgan.studies import drawing, garment_classifier, garments, report

TRUNCATIONS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
COLOUR, REAL_COLOUR = "#2a7f9e", "#d1603d"
FRECHET, INCEPTION = "Frechet distance", "inception score"
_COLUMNS = 12
_IMAGE_SHAPE = (32, 32, 1)
_PROTOCOL = (
    "For each threshold n images of the generator that samples (its moving average, where it has one), with the same "
    "seeds and, of a conditional model, the labels 0, 1, ... in turn, so that thresholds differ in nothing else. "
    "Inception score: of the class probabilities of the garment classifier (kerasgan/studies/garment_classifier.py: "
    "three convolutions, trained on Fashion-MNIST's training split), the mean over 10 parts. Frechet distance: of the "
    "mean over places of that classifier's last convolution (128 features), to those of all 10,000 images of the test "
    "split; the squared distance, as in the FID. real: the same measures for the first n images of the training split, "
    "on which the classifier was trained. Neither is comparable with numbers from Inception v3."
)


def truncation_sweep(model, truncations, metrics, n=5000, seed=0, labels=None, batch_size=250):
    """Measure samples at several truncation thresholds, with the same seeds and labels at each.

    Args:
        model: what has `sample(n, seed, labels, truncation, batch_size)`, such as a `GAN`.
        truncations: positive numbers, bounds on |z|; `math.inf` for none.
        metrics: dict of names to functions of (images uint8 [n, H, W, C], labels) that return a number. Labels are
            `None` for an unconditional model.
        n: images at each threshold.
        seed: image i has seed `seed + i`.
        labels: for a conditional model, an integer or n integers; by default image i has label i modulo num_classes.
        batch_size: images generated at a time.

    Returns:
        A list of dicts, in the order of the thresholds: `truncation` and each metric's number by its name.

    Raises:
        ValueError: if there are no thresholds or metrics, or a number is not positive.
    """
    truncations = _checked(truncations)
    if not metrics:
        raise ValueError("metrics: expected a dict of names to functions; got none")
    if labels is None and model.num_classes is not None:
        labels = [index % model.num_classes for index in range(arguments.integer("n", n, 1))]
    rows = []
    countdown = report.Countdown("thresholds", len(truncations))
    for done, truncation in enumerate(truncations, 1):
        images = model.sample(n, seed=seed, labels=labels, truncation=truncation, batch_size=batch_size)
        row = {"truncation": truncation, **{name: float(metric(images, labels)) for name, metric in metrics.items()}}
        rows.append(row)
        countdown.show(done, ", ".join(f"{name} {value:.3g}" for name, value in row.items()))
    return rows


def garment_metrics(classifier, images):
    """Return the metrics of the study.

    Args:
        classifier: the garment classifier.
        images: uint8 [N, 32, 32, 1], the real images to which the Frechet distance is measured.

    Returns:
        dict of two names to functions of (images, labels).
    """
    wanted = garment_classifier.features(classifier, images)

    def distance(made, labels=None):
        return frechet.frechet_distance(garment_classifier.features(classifier, made), wanted)

    def score(made, labels=None):
        return inception_score(garment_classifier.probabilities(classifier, made)).mean

    return {FRECHET: distance, INCEPTION: score}


def run(model, out, truncations=TRUNCATIONS, n=5000, seed=0, classifier=None, data_dir=None):
    """Run the study: `truncation.png` and `result.json`.

    Args:
        model: run folder or `.keras` file of a model of 32x32 grey images, trained on Fashion-MNIST.
        out: output folder.
        truncations: positive numbers.
        n: images at each threshold, at least 10.
        seed: image i has seed `seed + i`.
        classifier: folder of the garment classifier, which is trained first where there is none; `out` by default.
        data_dir: TFDS's folder.

    Returns:
        Path of `result.json`.

    Raises:
        ValueError: if a number is not allowed, or the model makes other images.
        FileNotFoundError: if there is no such model.
        ConnectionError: as `kerasgan.data.tfds`.
    """
    truncations = sorted(_checked(truncations))
    arguments.integer("n", n, 10)  # the parts of the inception score
    gan = runs.load_model(model)
    if gan.image_shape != _IMAGE_SHAPE:
        raise ValueError(
            f"model: expected one that makes images of shape {_IMAGE_SHAPE}; {model} makes {gan.image_shape}"
        )
    out = pathlib.Path(out)
    network, accuracy = garment_classifier.load_or_train(classifier or out, data_dir)
    metrics = garment_metrics(network, garments.arrays("test", data_dir)[0])
    rows = truncation_sweep(gan, truncations, metrics, n, seed)
    real = {name: metric(garments.arrays("train", data_dir)[0][:n]) for name, metric in metrics.items()}
    shown = rows_of_images(gan, truncations, seed=seed)
    draw(out / "truncation.png", rows, FRECHET, INCEPTION, shown, real, log_x=True)
    settings = {"model": model, "truncations": truncations, "n": n, "seed": seed}
    result = {"protocol": _PROTOCOL, "classifier_accuracy": accuracy, "thresholds": rows, "real": real}
    return report.write_result(out, settings, result)


def rows_of_images(model, truncations, columns=_COLUMNS, seed=0):
    """Return the images of the picture, uint8 [thresholds, columns, H, W, C]: seeds from `seed` on in each row.

    Of a conditional model, columns have the labels 0, 1, ... in turn.
    """
    return np.stack([model.sample(columns, seed=seed, truncation=truncation) for truncation in truncations])


def draw(path, rows, x, y, images, real=None, log_x=False):
    """Draw one metric against another, a point a threshold, and beside it a row of images for each threshold.

    Args:
        path: PNG file to write.
        rows: what `truncation_sweep` returned.
        x: name of the metric on the horizontal axis.
        y: name of the metric on the vertical axis.
        images: what `rows_of_images` returned for the same thresholds.
        real: dict of both metrics of real images, drawn as a star; `None` for none.
        log_x: whether the horizontal axis is logarithmic.

    Returns:
        The path.
    """
    plt = drawing.pyplot()
    count, columns, height, width = images.shape[:4]
    figure = plt.figure(figsize=(5.6 + 0.5 * columns * width / height, max(4.6, 0.56 * count)), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(5.2, 0.5 * columns * width / height))
    axes = left.subplots()
    places = [(row[x], row[y]) for row in rows]
    axes.plot(*zip(*places), color=COLOUR, lw=1.6, marker="o", ms=5)
    for row, place in zip(rows, places):
        axes.annotate(_named(row["truncation"]), place, xytext=(5, 5), textcoords="offset points", fontsize=8)
    if real is not None:
        axes.plot(real[x], real[y], color=REAL_COLOUR, marker="*", ms=13, lw=0)
        axes.annotate("real images", (real[x], real[y]), xytext=(8, -3), textcoords="offset points", fontsize=8)
    axes.margins(0.12)
    axes.set(xscale="log" if log_x else "linear", xlabel=x, ylabel=y, title="fidelity and variety, a point a threshold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    for axis, row, line in zip(right.subplots(count, 1, squeeze=False)[:, 0], rows, images):
        strip = line.transpose(1, 0, 2, 3).reshape(height, columns * width, -1)
        axis.imshow(strip[:, :, 0] if strip.shape[-1] == 1 else strip, cmap="gray", vmin=0, vmax=255)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_ylabel(_named(row["truncation"]), rotation=0, ha="right", va="center", fontsize=9)
    right.suptitle("the same latents in each column, their bound on the left", fontsize=10)
    return report.save_figure(figure, path)


def _named(truncation):
    return "none" if math.isinf(truncation) else f"{truncation:g}"


def _checked(truncations):
    truncations = [float(truncation) for truncation in truncations]
    if not truncations or not all(truncation > 0 for truncation in truncations):
        raise ValueError(f"truncations: expected at least one positive number; got {truncations}")
    return truncations
