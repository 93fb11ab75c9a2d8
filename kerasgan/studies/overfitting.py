"""The study `overfitting`: the critic's loss shows when the critic has learned the training images by heart.

Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, section 5.3 and figure 5b: WGAN-GP on
a subset of 1,000 images, and the negative critic loss on these and on held-out images along the training. The paper's
images are MNIST's, its networks have 64 filters and Adam's rate is 1e-4. Here they are Fashion-MNIST's; the networks,
without normalization and with He's weights as the paper's, are smaller ones of `random_architectures` with four
convolutions, and the rate is 5e-4, all to see the curves part in minutes: with DCGAN's networks and weights, and the
rate 1e-4, the gap was 0.08 after 4,000 steps.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from kerasgan import callbacks, data, objectives
from kerasgan.data import fashion_mnist_arrays
from kerasgan.networks import random_architectures
from kerasgan.studies import report, training
from kerasgan.utils import validation
from kerasgan.visualization import figures, image_grid

PER_CLASS = 100
COLOURS = {"training": "#d1603d", "held-out": "#2a7f9e"}
_ROWS = 250


class CriticLoss(callbacks.EverySteps):
    """Evaluate the negative critic loss, without its penalty, on several sets of images along the training.

    The loss is E[D(x)] - E[D(G(z))], an estimate of the Wasserstein-1 distance up to the critic's Lipschitz constant.
    All sets are compared with the same generated images, on which the difference between two sets does not depend:
    they are made of the same latents each time, by the generator that trains (no moving average) in inference mode.

    Args:
        sets: dict of names to uint8 images [N, H, W, C].
        every: training steps between two evaluations.
        fakes: number of generated images.

    Attributes:
        steps: training steps at each evaluation, a list.
        values: dict of the same names to lists of the losses.
        generated: the critic's mean logit of the generated images at each evaluation, a list.
    """

    def __init__(self, sets, every, fakes=1000):
        super().__init__(every)
        self.steps, self.values, self.generated = [], {name: [] for name in sets}, []
        self._sets, self._fakes = sets, fakes

    def on_train_begin(self, logs=None):
        """Draw the latents and evaluate the start."""
        super().on_train_begin(logs)
        tiny = np.finfo("float64").tiny
        numbers = np.random.default_rng(0).uniform(tiny, 1.0, (self._fakes, self.model.latent.uniforms))
        self._uniforms = tf.constant(numbers)
        self._score = tf.function(lambda images: self.model.critic(images, training=False))
        self._make = tf.function(lambda numbers: self.model.generator(self.model.latent(numbers), training=False))
        self.act(self.step, logs)

    def act(self, step, logs):
        """Evaluate all sets."""
        fake = self._mean(self._uniforms, self._make)
        self.steps.append(step)
        self.generated.append(fake)
        for name, images in self._sets.items():
            self.values[name].append(self._mean(images, data.to_float) - fake)

    def _mean(self, rows, images_of):
        """The mean of the critic's logits over images made from rows."""
        parts = [self._score(images_of(rows[first : first + _ROWS])) for first in range(0, len(rows), _ROWS)]
        return float(np.concatenate(parts).mean())


def train(sets, steps, every, seed=0, filters=8, critic_filters=32):
    """Train WGAN-GP on `sets["training"]` and evaluate its critic on all sets.

    Batch 50 and five critic updates a generator update, as in the paper's code for MNIST; Adam(5e-4, beta_1=0.5,
    beta_2=0.9).

    Args:
        sets: dict of names to uint8 images [N, 32, 32, 1].
        steps: generator updates.
        every: training steps between two evaluations.
        seed: integer.
        filters: of the generator's smallest layer.
        critic_filters: of the critic's smallest layer.

    Returns:
        (the trained `WGANGP`, the `CriticLoss` that watched it).
    """
    keras.utils.set_random_seed(seed)
    gan = objectives.WGANGP(
        random_architectures.generator((32, 32, 1), latent_dim=128, filters=filters, normalization=None),
        random_architectures.critic((32, 32, 1), filters=critic_filters, normalization=None),
        seed=seed,
    )
    gan.compile(*(keras.optimizers.Adam(5e-4, beta_1=0.5, beta_2=0.9) for _ in range(2)))
    watch = CriticLoss(sets, every)
    training.fit(gan, sets["training"], 50, steps, "WGANGP", execution=np.gcd(every, 25).item(), extra=[watch])
    return gan, watch


def gap_at_end(values):
    """Return the mean over the last tenth of the evaluations of training loss minus held-out loss."""
    difference = np.subtract(values["training"], values["held-out"])
    return float(difference[-max(1, len(difference) // 10) :].mean())


def run(out, steps=1500, every=25, seed=0, filters=8, critic_filters=32, data_dir=None):
    """Run the study: `overfitting.png` and `result.json`.

    Args:
        out: output folder.
        steps: generator updates.
        every: training steps between two evaluations.
        seed: integer, of the training and of the choice of images.
        filters: of the generator's smallest layer.
        critic_filters: of the critic's smallest layer.
        data_dir: TFDS's folder.

    Returns:
        Path of `result.json`.

    Raises:
        ValueError: if a number is not a positive integer, the seed is negative, or the folder holds a result of other
            settings.
        ConnectionError: as `kerasgan.data.tfds`.
    """
    for name, value in (
        ("steps", steps),
        ("every", every),
        ("filters", filters),
        ("critic_filters", critic_filters),
    ):
        validation.integer(name, value, 1)
    validation.integer_within("seed", seed, np.uint32)
    out = pathlib.Path(out)
    settings = {"steps": steps, "every": every, "seed": seed, "filters": filters, "critic_filters": critic_filters}
    settings["images"] = 10 * PER_CLASS
    report.earlier(out, settings)
    splits = {"training": "train", "held-out": "test"}
    sets = {
        name: fashion_mnist_arrays.per_class(*fashion_mnist_arrays.arrays(split, data_dir), PER_CLASS, seed)
        for name, split in splits.items()
    }
    gan, watch = train(sets, steps, every, seed, filters, critic_filters)
    curves = {"steps": watch.steps, "negative_critic_loss": watch.values}
    path = report.write_result(out, settings, {"gap_at_end": gap_at_end(watch.values), **curves})
    draw(out / "overfitting.png", watch.steps, watch.values, gan.sample(18, seed=0))
    return path


def draw(path, steps, values, images):
    """Draw the curves and their difference, and beside them generated images uint8 [N, H, W, 1]; returns the path."""
    figure = figures.new((10.5, 5.6))
    left, right = figure.subfigures(1, 2, width_ratios=(3, 1.3))
    above, below = left.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for name, curve in values.items():
        above.plot(steps, curve, color=COLOURS[name], lw=1.6, label=f"{name} images")
    above.set(ylabel="negative critic loss", title="E[D(x)] - E[D(G(z))] of WGAN-GP's critic")
    above.legend(frameon=False)
    gap = np.subtract(values["training"], values["held-out"])
    below.fill_between(steps, gap, color="#888888", alpha=0.35, lw=0)
    below.plot(steps, gap, color="#444444", lw=1.2)
    below.axhline(0.0, color="#444444", lw=0.8)
    below.set(xlabel="generator steps", ylabel="gap")
    below.set_title(f"training minus held-out: {gap_at_end(values):.2f} at the end", fontsize=10)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    corner = right.subplots()
    corner.imshow(image_grid.tiles(images, 3), cmap="gray", vmin=0, vmax=255)
    corner.set_title("generated at the end", fontsize=10)
    corner.axis("off")
    return report.save_figure(figure, path)
