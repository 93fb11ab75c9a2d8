"""The study `gradient-norms`: how large the gradient is in each layer of a deep critic.

Gulrajani et al. 2017, arXiv:1704.00028, section 3 and figure 1b: critics of 12 hidden layers on the Swiss roll, with
weights clipped to three bounds, where the gradient explodes or vanishes, and with a gradient penalty, where it does
neither.
"""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from kerasgan import data
from kerasgan.models.batch import Batch
from kerasgan.networks import mlp
from kerasgan.studies import report
from kerasgan.studies.critic_surfaces import ClippedCritic, PenalisedCritic
from kerasgan.utils import validation
from kerasgan.visualization import figures

CLIPS = (0.1, 0.01, 0.001)
PENALTY = "gradient penalty"
_CHECKS = 10
_LEAST = 1e-45  # what float32 can tell from 0
_PROTOCOL = (
    "The generator is fixed at the data plus N(0, 1) noise. log10_norms: for each hidden layer, the first one first, "
    "log10 of the mean over real and generated points of the norm of d D(x) / d activations; then the mean over "
    "moments of the training, {moments} in all. Up to its sign it is the gradient of a point's part of the loss: the "
    "loss is a difference of means of D, and the penalty of a ReLU critic does not change with its activations. "
    "change_a_layer: the slope of a line through these numbers, from the last layer to the first; 0 is stable, above 0 "
    "explodes, below vanishes."
)


def layer_norms(critic, points):
    """Return how large the gradient is at each hidden layer of a perceptron.

    Args:
        critic: `keras.Model` of dense layers in a row, from points [N, D] to values [N, 1].
        points: float32 array [N, D].

    Returns:
        float64 array [layers]: for each hidden layer, the first one first, the mean over the points of the norm of
        d D(x) / d activations.
    """
    *hidden, last = [layer for layer in critic.layers if isinstance(layer, keras.layers.Dense)]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        x = tf.constant(points)
        tape.watch(x)
        activations = [x := layer(x) for layer in hidden]
        values = last(x)
    # in float64, as the square of 1e-23 is 0 in float32
    gradients = [gradient.numpy().astype("float64") for gradient in tape.gradient(values, activations)]
    return np.array([np.linalg.norm(gradient, axis=1).mean() for gradient in gradients])


def run(steps=1000, seed=0, out="studies/gradient_norms", width=512, depth=12, batch_size=64):
    """Train four critics on the Swiss roll and write `result.json` and `norms.png`.

    Args:
        steps: critic updates.
        seed: integer, for weights and data.
        out: folder of the results; made where missing.
        width: units of a hidden layer.
        depth: number of hidden layers.
        batch_size: points in a batch.

    Returns:
        dict, the content of `result.json` under "result".

    Raises:
        ValueError: naming the argument that is wrong, as is a folder with a result of other settings.
    """
    settings = {
        "steps": validation.integer("steps", steps, 1),
        "seed": validation.integer_within("seed", seed, np.uint32),
        "width": validation.integer("width", width, 1),
        "depth": validation.integer("depth", depth, 2),
        "batch_size": validation.integer("batch_size", batch_size, 1),
        "clip_optimizer": "RMSprop(5e-5)",
        "penalty_weight": 10.0,
        "penalty_optimizer": "Adam(1e-4, beta_1=0.5, beta_2=0.9)",
    }
    report.earlier(out, settings)
    points = data.swiss_roll()
    lines = {}
    for name in [*(f"clip {clip:g}" for clip in CLIPS), PENALTY]:
        gan = _gan(name, seed, width, depth)
        lines[name] = _norms_while_training(name, gan, points, steps, batch_size, seed)
    result = {
        "protocol": _PROTOCOL.format(moments=min(steps, _CHECKS)),
        "lines": {
            name: {"log10_norms": norms, "change_a_layer": np.polyfit(-np.arange(depth), norms, 1)[0]}
            for name, norms in lines.items()
        },
    }
    report.write_result(out, settings, result)
    report.save_figure(_figure(result["lines"], depth), pathlib.Path(out) / "norms.png")
    return result


def _gan(name, seed, width, depth):
    keras.utils.set_random_seed(seed)
    networks = mlp.generator(width=1), mlp.critic(width=width, depth=depth)
    shared = {"critic_steps": 1, "ema_decay": None, "seed": seed}
    if name == PENALTY:
        gan = PenalisedCritic(*networks, penalty_weight=10.0, **shared)
        optimizer = keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9)
    else:
        gan = ClippedCritic(*networks, clip=float(name.removeprefix("clip ")), **shared)
        optimizer = keras.optimizers.RMSprop(5e-5)
    gan.compile(critic_optimizer=optimizer)
    return gan


def _norms_while_training(name, gan, points, steps, batch_size, seed):
    """Return the mean over moments of the training of log10 of `layer_norms`, an array [layers]."""
    bar = report.Bar(name, steps)
    real = Batch(tf.constant(points.sample(batch_size, seed=1)), None)
    due = {max(1, steps * k // _CHECKS) for k in range(1, _CHECKS + 1)}
    norms = []

    def look(batch, logs):
        if batch + 1 in due:
            both = tf.concat([real.images, gan.fake(real, "measured").images], axis=0)
            norms.append(np.log10(np.maximum(layer_norms(gan.critic, both), _LEAST)))
        bar.show(batch + 1)

    fresh = points.dataset(batch_size, gan.batches_per_step, seed)
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=look)
    gan.fit(fresh, steps_per_epoch=steps, verbose=0, callbacks=[watch])
    return np.mean(norms, axis=0)


def _figure(lines, depth):
    figure = figures.new((6.4, 4.2))
    axis = figure.subplots()
    colours = dict(zip(lines, ("#b3001b", "#e07a2f", "#8a6fb0", "#1b7f5c")))
    layers = np.arange(1, depth + 1)
    for name, line in lines.items():
        label = name if name == PENALTY else f"weight {name.replace('clip', 'clipping, c =')}"
        axis.plot(layers, line["log10_norms"], marker="o", markersize=4, color=colours[name], label=label)
    axis.set(xlabel="critic layer", ylabel="$\\log_{10}$ of the gradient's norm", xticks=layers)
    axis.set_title(f"Gradients through a critic of {depth} layers, Swiss roll", fontsize=11)
    axis.grid(alpha=0.25)
    axis.legend(frameon=False, fontsize=9)
    return figure
