"""The study `deligan`: does a learned mixture of Gaussians for latents help where data are few?

Gurumurthy, Sarvadevabhatla and Babu 2017, "DeLiGAN: generative adversarial networks for diverse and limited data",
arXiv:1706.02071. Two pairs of trainings that differ in the prior alone, normal latents or `GaussianMixture`, on the
standard GAN: 400 points of two kinds, with the paper's tiny networks, and 500 images, 50 of each class.
"""

import pathlib

import keras
import numpy as np
from keras import layers

from kerasgan import latents, objectives
from kerasgan.data import fashion_mnist_arrays
from kerasgan.metrics import divergences, inception_score
from kerasgan.metrics.features import garment_classifier
from kerasgan.networks import dcgan, mlp
from kerasgan.studies import report, training
from kerasgan.utils import validation
from kerasgan.visualization import figures, image_grid

PRIORS = ("GAN", "DeLiGAN")
COLOURS = {"real": "#444444", "GAN": "#d1603d", "DeLiGAN": "#2a7f9e"}
POINTS = 400  # of the toy data, as in the paper's code
COMPARED = 2000  # generated points that are compared with as many new real ones
PER_CLASS = 50
SAMPLES = 5000  # generated images that are scored
_SHOWN = 64


def unimodal(rng, count):
    """Draw points float32 [count, 2] from a normal distribution of standard deviation 0.3."""
    return rng.normal(0.0, 0.3, (count, 2)).astype("float32")


def bimodal(rng, count):
    """Draw points float32 [count, 2], half from each of two normals at +-(0.6, 0.6) of standard deviation 0.15."""
    signs = np.where(np.arange(count) < count // 2, 1.0, -1.0)[:, None]
    return (0.6 * signs + rng.normal(0.0, 0.15, (count, 2))).astype("float32")


DATA = {"unimodal": unimodal, "bimodal": bimodal}


def toy_gan(mixture, by_slot, seed):
    """Build and compile the toy's GAN: 2-32-2 and 2-32-1 with tanh, Adam(1e-4, beta_1=0.5).

    Args:
        mixture: whether the latents are DeLiGAN's, 50 components that start with sigma 0.02, penalty weight 0.1.
        by_slot: see `GaussianMixture`.
        seed: integer.

    Returns:
        A compiled `SGAN`.
    """
    keras.utils.set_random_seed(seed)
    latent = keras.Input((2,), name="latents")
    points = layers.Dense(2, activation="tanh")(layers.Dense(32, activation="tanh")(latent))
    critic = mlp.critic((2,), width=32, depth=1, activation="tanh")
    # made last, so that the networks start from the same weights with either prior
    prior = latents.GaussianMixture(2, 50, by_slot, initial_scale=0.02, scale_penalty=0.1) if mixture else None
    gan = objectives.SGAN(keras.Model(latent, points), critic, latent=prior, seed=seed)
    gan.compile(keras.optimizers.Adam(1e-4, beta_1=0.5), keras.optimizers.Adam(1e-4, beta_1=0.5))
    return gan


def toy(steps, seeds, by_slot=True):
    """Train on points with either prior, and compare with new points of the same distribution.

    Args:
        steps: training steps, batch 50.
        seeds: how many times, with seeds 0, 1, ... of data and training.
        by_slot: see `GaussianMixture`.

    Returns:
        (numbers, points): for each kind of data the exact Wasserstein-1 distance of 2,000 points to 2,000 new real
        points, a list over seeds, for either prior and for yet other real points (`real`); and the first seed's
        points [N, 2] in the same order of names.
    """
    numbers, points = {}, {}
    for kind, draw in DATA.items():
        distances = {name: [] for name in ("real", *PRIORS)}
        for seed in range(seeds):
            points_to_learn, held_out, fresh = (
                draw(np.random.default_rng([seed, part]), count)
                for part, count in enumerate((POINTS, COMPARED, COMPARED))
            )
            made = {"real": fresh}
            for name in PRIORS:
                gan = toy_gan(name == "DeLiGAN", by_slot, seed)
                training.fit(gan, points_to_learn, 50, steps, f"{kind}, {name}, seed {seed}", execution=200)
                made[name] = gan.sample(COMPARED, seed=seed, batch_size=COMPARED)
            for name, values in made.items():
                distances[name].append(divergences.w1(values, held_out))
            if seed == 0:
                points[kind] = {**made, "real": points_to_learn}
        numbers[kind] = distances
    return numbers, points


def image_gan(mixture, by_slot, seed, filters=16):
    """Build and compile the GAN of the images: DCGAN with 30 latents, Adam(5e-4, beta_1=0.5) as the paper's code.

    Args:
        mixture: whether the latents are DeLiGAN's, 50 components that start with sigma 0.2, penalty weight 1/3.
        by_slot: see `GaussianMixture`.
        seed: integer.
        filters: of the smallest layer of either network.

    Returns:
        A compiled `SGAN`.
    """
    keras.utils.set_random_seed(seed)
    generator = dcgan.generator((32, 32, 1), latent_dim=30, filters=filters)
    critic = dcgan.critic((32, 32, 1), filters=filters)
    prior = latents.GaussianMixture(30, 50, by_slot, initial_scale=0.2, scale_penalty=1 / 3) if mixture else None
    gan = objectives.SGAN(generator, critic, latent=prior, seed=seed)
    gan.compile(keras.optimizers.Adam(5e-4, beta_1=0.5), keras.optimizers.Adam(5e-4, beta_1=0.5))
    return gan


def low_data(images, classifier, steps, seeds, by_slot=True, filters=16, samples=SAMPLES):
    """Train on few images with either prior, and score what comes out.

    Args:
        images: uint8 [N, 32, 32, 1], the training images.
        classifier: `keras.Model` to class probabilities.
        steps: training steps, batch 50.
        seeds: how many times, with seeds 0, 1, ... of the training; the images stay.
        by_slot: see `GaussianMixture`.
        filters: of the smallest layer of either network.
        samples: generated images that are scored, at least 10.

    Returns:
        (numbers, shown): for either prior lists over seeds of the inception score `is` and the modified one `m_is`,
        and of the number of classes it is the mean of; and the first seed's images, uint8 [64, 32, 32, 1].
    """
    numbers, shown = {name: [] for name in PRIORS}, {}
    for seed in range(seeds):
        for name in PRIORS:
            gan = image_gan(name == "DeLiGAN", by_slot, seed, filters)
            training.fit(gan, images, 50, steps, f"{len(images)} images, {name}, seed {seed}")
            made = gan.sample(samples, seed=seed * samples)
            numbers[name].append(scores(classifier, made))
            shown.setdefault(name, made[:_SHOWN])
    return {name: _by_name(rows) for name, rows in numbers.items()}, shown


def scores(classifier, images):
    """Return inception score (10 splits), modified inception score and number of classes of images, a dict."""
    rows = garment_classifier.probabilities(classifier, images)
    modified = inception_score.modified_inception_score(rows)
    return {
        "is": inception_score.inception_score(rows).mean,
        "m_is": modified.mean,
        "classes": len(modified.by_class),
    }


def run(out, steps=3000, toy_steps=20000, seeds=3, by_slot=True, classifier=None, data_dir=None):
    """Run the study: `toy.png`, `low_data.png` and `result.json`.

    Args:
        out: output folder.
        steps: training steps with images.
        toy_steps: training steps with points.
        seeds: trainings of each kind.
        by_slot: whether in training row i of a batch comes from component i, as in the paper's code; sampling always
            draws components at random.
        classifier: folder of the garment classifier; `out` by default.
        data_dir: TFDS's folder.

    Returns:
        Path of `result.json`.

    Raises:
        ValueError: if a number is not a positive integer, or the folder holds a result of other settings.
        ConnectionError: as `kerasgan.data.tfds`.
    """
    for name, value in (("steps", steps), ("toy_steps", toy_steps), ("seeds", seeds)):
        validation.integer(name, value, 1)
    out = pathlib.Path(out)
    settings = {"steps": steps, "toy_steps": toy_steps, "seeds": seeds, "by_slot": by_slot, "samples": SAMPLES}
    report.earlier(out, settings)
    network, accuracy = garment_classifier.load_or_train(classifier or out, data_dir)
    images, labels = fashion_mnist_arrays.arrays("train", data_dir)
    few = np.random.default_rng(0).permutation(fashion_mnist_arrays.per_class(images, labels, PER_CLASS))
    held_out = fashion_mnist_arrays.arrays("test", data_dir)[0][:SAMPLES]

    toy_numbers, points = toy(toy_steps, seeds, by_slot)
    image_numbers, shown = low_data(few, network, steps, seeds, by_slot, samples=SAMPLES)
    image_numbers["held-out images"] = scores(network, held_out)
    image_numbers["training images"] = scores(network, few)
    result = {"toy_w1": toy_numbers, "low_data": image_numbers, "classifier_accuracy": accuracy}
    path = report.write_result(out, settings, result)
    draw_toy(out / "toy.png", toy_numbers, points)
    draw_images(out / "low_data.png", image_numbers, {"real": few[:_SHOWN], **shown})
    return path


def draw_toy(path, numbers, points):
    """Draw the points of `toy` side by side, with the distances; returns the path."""
    titles = {"real": f"{POINTS} training points", "GAN": "GAN, normal latents", "DeLiGAN": "DeLiGAN, learned mixture"}
    figure = figures.new((10.5, 3.6 * len(points)))
    grid = figure.subplots(len(points), 3)
    for row, (kind, named) in zip(grid, points.items()):
        for axes, (name, values) in zip(row, named.items()):
            axes.scatter(*values[:POINTS].T, s=9, alpha=0.6, lw=0, color=COLOURS[name])
            axes.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[], yticks=[], aspect="equal")
            note = f"$W_1$ to new points {np.mean(numbers[kind][name]):.3f}"
            axes.set_title(f"{titles[name]}\n{note}{' (floor)' if name == 'real' else ''}", fontsize=10)
        row[0].set_ylabel(kind)
    return report.save_figure(figure, path)


def draw_images(path, numbers, shown):
    """Draw the images of `low_data` side by side, and under them the scores of every seed; returns the path."""
    titles = {"real": "training images", "GAN": "GAN, normal latents", "DeLiGAN": "DeLiGAN, learned mixture"}
    figure = figures.new((10.5, 6.0))
    above, below = figure.subfigures(2, 1, height_ratios=(3.9, 2.1))
    for axes, (name, images) in zip(above.subplots(1, 3), shown.items()):
        axes.imshow(image_grid.tiles(images, 8), cmap="gray", vmin=0, vmax=255)
        axes.set_title(titles[name], fontsize=10, color=COLOURS[name])
        axes.axis("off")
    words = {"is": "inception score (classes: sure and even)", "m_is": "modified inception score (within classes)"}
    for axes, (key, title) in zip(below.subplots(1, 2), words.items()):
        for height, name in enumerate(PRIORS):
            values = numbers[name][key]
            axes.plot(values, [height] * len(values), "o", color=COLOURS[name], alpha=0.75)
            axes.plot([np.mean(values)] * 2, [height - 0.3, height + 0.3], color=COLOURS[name], lw=2)
        axes.axvline(numbers["held-out images"][key], color=COLOURS["real"], ls="--", lw=1)
        axes.set(ylim=(1.6, -0.6), yticks=range(len(PRIORS)), yticklabels=PRIORS)
        axes.set_title(f"{title}\ndots: seeds, bar: mean, dashed: held-out images", fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="x", alpha=0.25)
    return report.save_figure(figure, path)


def _by_name(rows):
    return {name: [row[name] for row in rows] for name in rows[0]}
