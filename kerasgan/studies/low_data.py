"""The study `low-data`: what helps where pictures are few, and how far the critic has learned them by heart.

The standard GAN on few images, four times: as it is; with DiffAugment (Zhao et al. 2020, arXiv:2006.10738); with
adaptive augmentation (Karras et al. 2020, arXiv:2006.06676); with DeLiGAN's learned mixture for latents (Gurumurthy et
al. 2017, arXiv:1706.02071). Along the training: the distance of generated images to real ones, and the critic's mean
logit of its training images, of held-out ones and of generated ones, all without augmentation.
"""

import pathlib

import keras
import numpy as np
from PIL import Image

from kerasgan import callbacks, data, latents, metrics, objectives, techniques
from kerasgan.data import fashion_mnist_arrays
from kerasgan.networks import dcgan
from kerasgan.studies import overfitting, report, training
from kerasgan.utils import atomic_files, validation
from kerasgan.utils.messages import quoted
from kerasgan.visualization import figures, image_grid

METHODS = ("plain", "DiffAugment", "ADA", "DeLiGAN")
COLOURS = {"plain": "#444444", "DiffAugment": "#2a7f9e", "ADA": "#d1603d", "DeLiGAN": "#7a4f9e"}
BATCH = 50
PER_CLASS = 50  # of the ten classes of garments
_HELD_OUT = 0.2  # of a user's pictures
_SIZE = 32
_DIM = 64
_SHOWN = 48


def gan(method, channels, seed=0, filters=16):
    """Build and compile the GAN of a method: DCGAN of 32 pixels, the critic with layer norm, Adam(2e-4, beta_1=0.5).

    Args:
        method: one of `METHODS`.
        channels: of the images.
        seed: integer.
        filters: of the smallest layer of either network.

    Returns:
        A compiled `SGAN`.
    """
    keras.utils.set_random_seed(seed)
    shape = (_SIZE, _SIZE, channels)
    generator = dcgan.generator(shape, latent_dim=_DIM, filters=filters)
    critic = dcgan.critic(shape, filters=filters, normalization="layer")
    mixture = latents.GaussianMixture(_DIM, 50, initial_scale=1.0, scale_penalty=1.0) if method == "DeLiGAN" else None
    plug_ins = {
        "DiffAugment": [techniques.DiffAugment()],
        "ADA": [techniques.AdaptiveAugmentation(images=50_000)],  # p is to move as quickly as so short a training
    }
    made = objectives.SGAN(
        generator, critic, latent=mixture, ema_decay=0.995, seed=seed, techniques=plug_ins.get(method, [])
    )
    made.compile()
    return made


class Distance(callbacks.EverySteps):
    """Measure the Frechet distance along the training.

    Args:
        reference: `kerasgan.metrics.Reference`.
        every: training steps between two measurements.
        n: images that are generated for each.

    Attributes:
        steps: training steps at each measurement, a list.
        values: the distances, a list.
    """

    def __init__(self, reference, every, n):
        super().__init__(every)
        self.steps, self.values = [], []
        self._reference, self._n = reference, n

    def act(self, step, logs):
        """Measure."""
        [found] = metrics.evaluate(self.model, self._reference, "fid", self._n)
        self.steps.append(step)
        self.values.append(found.value)


def trained(method, sets, reference, steps, every, n, seed=0, filters=16):
    """Train a method on `sets["training"]`, and watch it.

    Args:
        method: one of `METHODS`.
        sets: dict of "training" and "held-out" to uint8 images [N, 32, 32, C].
        reference: `kerasgan.metrics.Reference`.
        steps: training steps, of batches of 50.
        every: training steps between two measurements of the distance; five times as many are made of the logits.
        n: images that are generated for each.
        seed: integer.
        filters: see `gan`.

    Returns:
        Dict of numbers: `fd` at `fd_steps`; `logits`, a dict of "training", "held-out" and "generated" to mean logits
        at `logits_steps`; `p`, the probability at the end, of ADA alone. And generated images, uint8 [48, 32, 32, C].
    """
    made = gan(method, sets["training"].shape[-1], seed, filters)
    watch, distance = overfitting.CriticLoss(sets, max(1, every // 5)), Distance(reference, every, n)
    execution = np.gcd(watch.every, 25).item()
    training.fit(made, sets["training"], BATCH, steps, method, execution, [watch, distance])
    generated = np.array(watch.generated)
    numbers = {
        "fd_steps": distance.steps,
        "fd": distance.values,
        "logits_steps": watch.steps,
        "logits": {
            **{name: (values + generated).tolist() for name, values in watch.values.items()},
            "generated": generated.tolist(),
        },
    }
    if method == "ADA":
        numbers["p"] = float(made.techniques[0].p)
    return numbers, made.sample(_SHOWN, seed=0)


def run(
    out, steps=3000, every=500, n=2000, seed=0, filters=16, path=None, methods=METHODS, features=None, data_dir=None
):
    """Run the study: `low_data.png` and `result.json`. A method that is in the folder, of the same settings, is kept.

    Without `path` on 500 images of Fashion-MNIST, 50 a class, of which 1,000 of the test split are held out and its
    10,000 are the real images that generated ones are compared with, by the feature network `garments`. With `path` on
    four fifths of these pictures, drawn at random, compared with all of them by `efficientnet-lite0`.

    Args:
        out: output folder.
        steps: training steps, of batches of 50.
        every: training steps between two measurements of the distance.
        n: images that are generated for each.
        seed: integer, of the training and of the choice of images.
        filters: see `gan`.
        path: a folder of pictures, or an `.npz` file (see `kerasgan.data.npz`); `None` for Fashion-MNIST.
        methods: a tuple of some of `METHODS`.
        features: another feature network.
        data_dir: TFDS's folder.

    Returns:
        Path of `result.json`.

    Raises:
        ValueError: if an argument is wrong, there are fewer than 100 pictures, or the folder holds a result of other
            settings.
        OSError, ConnectionError: if the pictures are not there.
    """
    for name, value, least in (("steps", steps, 1), ("every", every, 1), ("n", n, 2), ("filters", filters, 1)):
        validation.integer(name, value, least)
    validation.integer_within("seed", seed, np.uint32)
    if not validation.several("methods", methods) or not set(methods) <= set(METHODS):
        raise ValueError(f"methods: expected some of {', '.join(METHODS)}; got {quoted(methods)}")
    features = features or ("garments" if path is None else "efficientnet-lite0")
    sets, real, name = of_garments(seed, data_dir) if path is None else of_pictures(path, seed)
    judge = metrics.features.load(features)
    reference = metrics.Reference.of_arrays(real, judge, name=name)
    out = pathlib.Path(out)
    settings = {"data": name, "steps": steps, "every": every, "n": n, "seed": seed, "filters": filters}
    settings |= {"features": features, "images": len(sets["training"]), "batch": BATCH}
    numbers = report.earlier(out, settings) or {}
    for method in methods:
        if method in numbers:
            continue
        numbers[method], made = trained(method, sets, reference, steps, every, n, seed, filters)
        with atomic_files.written_whole(out / f"{method}.png") as beside:
            image_grid.grid(made, columns=8).save(beside, format="PNG")
        report.write_result(out, settings, {name: numbers[name] for name in METHODS if name in numbers})
    draw(out, numbers, sets["training"], features)
    return out / "result.json"


def of_garments(seed=0, data_dir=None):
    """Return 500 training images and 1,000 held-out ones of Fashion-MNIST, the test split, and what they are called."""
    held_out, labels = fashion_mnist_arrays.arrays("test", data_dir)
    sets = {
        "training": fashion_mnist_arrays.per_class(*fashion_mnist_arrays.arrays("train", data_dir), PER_CLASS, seed),
        "held-out": fashion_mnist_arrays.per_class(held_out, labels, 2 * PER_CLASS, seed),
    }
    return sets, held_out, "fashion_mnist test"


def of_pictures(path, seed=0):
    """Return four fifths of pictures as training images and the rest held out, all of them, and what they are called.

    Args:
        path: a folder or an `.npz` file.
        seed: integer, of the draw.

    Raises:
        ValueError: if there are fewer than 100.
        OSError: if they are not there.
    """
    source = data.npz(path) if str(path).endswith(".npz") else data.folder(path)
    if source.count < 2 * BATCH:
        raise ValueError(f"path: expected at least {2 * BATCH} pictures; {quoted(str(path))} has {source.count}")
    channels = min(3, source.channels)  # what is transparent is shown on white
    batches = data.in_order(source, _SIZE, channels, batch_size=100)
    images = np.concatenate([batch[0] for batch in batches.as_numpy_iterator()])
    order = np.random.default_rng(seed).permutation(len(images))
    held_out, training = np.split(order, [int(_HELD_OUT * len(images))])
    return {"training": images[training], "held-out": images[held_out]}, images, source.name


def draw(out, numbers, training, features):
    """Draw `low_data.png`: pictures above; below distances, and the critic's logits of each method; returns the path.

    Args:
        out: folder with a picture of each method.
        numbers: by method, see `trained`.
        training: the training images.
        features: name of the feature network.
    """
    columns = len(numbers) + 1
    figure = figures.new((3.1 * columns, 6.2))
    rows = figure.subplots(2, columns)
    shown = {"training images": image_grid.grid(training[:: max(1, len(training) // _SHOWN)][:_SHOWN], columns=8)}
    shown |= {name: np.asarray(Image.open(out / f"{name}.png")) for name in numbers}
    for axes, (name, image) in zip(rows[0], shown.items()):
        axes.imshow(image, cmap="gray")
        distance = f": fd[{features}] {numbers[name]['fd'][-1]:.3g}" if name in numbers else ""
        axes.set_title(f"{name}{distance}", fontsize=10, color=COLOURS.get(name, "black"))
        axes.axis("off")
    first, *others = rows[1]
    for name, found in numbers.items():
        first.plot(found["fd_steps"], found["fd"], color=COLOURS[name], label=name)
    first.set(yscale="log", xlabel="steps")
    first.set_title(f"fd[{features}], lower is better", fontsize=10)
    first.legend(frameon=False, fontsize=8)
    for axes, (name, found) in zip(others, numbers.items()):
        for (kind, values), style in zip(found["logits"].items(), ("-", "--", ":")):
            axes.plot(found["logits_steps"], values, style, color=COLOURS[name], label=kind)
        axes.set(xlabel="steps")
        note = f"; p ends at {found['p']:.2f}" if "p" in found else ""
        axes.set_title(f"critic's mean logit{note}", fontsize=10)
        axes.legend(frameon=False, fontsize=8)
    for axes in rows[1]:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
    return report.save_figure(figure, out / "low_data.png")
