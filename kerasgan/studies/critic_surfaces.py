"""The study `critic-surfaces`: what an optimal critic looks like with constrained weights and with a gradient penalty.

Gulrajani et al. 2017, arXiv:1704.00028, section 3 and figure 1a: the generator is fixed at the data plus N(0, 1) noise,
and critics are trained to optimality. Beside weight clipping are the two other constraints of which the section says
that they suffer alike: L2 norm clipping, where the weights of a unit have the norm 1 at most, and weight
normalization, where they have the norm 1; both without a gain. The penalty is shown with the paper's weight, 10, with
which gradient norms are near 1, and with that of the authors' toy code, 0.1, which lets the critic be steeper and
follow the data more closely.
"""

import math
import pathlib

import keras
import numpy as np
import tensorflow as tf

from kerasgan import data, objectives
from kerasgan.layers import WeightNormalization
from kerasgan.metrics import divergences
from kerasgan.networks import mlp
from kerasgan.studies import report
from kerasgan.utils import validation
from kerasgan.visualization import figures

CLIP = 0.01
NORM = 1.0  # of the weights of a unit, with L2 norm clipping at most
PENALTY_WEIGHTS = (10.0, 0.1)
SIDE = 2.5  # the pictures show [-SIDE, SIDE] in both directions
_PIXELS = 128
_MEASURED = 1000  # points, of each kind, for the numbers
_TOYS = (data.eight_gaussians, data.twenty_five_gaussians, data.swiss_roll)
_PROTOCOL = (
    f"On {_MEASURED} real points x, as many generated ones y and points e x + (1 - e) y between them, e ~ U(0, 1). "
    "gradient_norms: of the critic between them. higher_moments: E D(x) - E D(g), with normal points g of the mean "
    "and covariance of x, as a share of E D(x) - E D(y); a critic that sees no moments beyond the second has 0, one "
    "that is misled by them less. w1_share: E D(x) - E D(y), divided by the 99th percentile of the gradient norms at "
    "all these points, over the exact W1 of the two samples, which is a little too high; an optimal critic comes to 1."
)


class FixedGenerator:
    """Mixin that puts, before an objective, a generator that is not trained: real points plus N(0, 1) noise."""

    def fake(self, like, *purpose):
        """Return the points of `like` plus noise."""
        uniforms = self.uniform(like, self.image_shape, "noise", *purpose)
        noise = tf.cast(2.0**0.5 * tf.math.erfinv(2.0 * uniforms - 1.0), tf.float32)
        return like._replace(images=like.images + noise, purpose=("fake", *purpose))

    def update_generator(self, loss, *args):
        """Do nothing."""


class ClippedCritic(FixedGenerator, objectives.WGAN):
    """WGAN with a fixed generator."""


class ConstrainedCritic(ClippedCritic):
    """WGAN with a fixed generator, whose critic's layers constrain their weights themselves."""

    def clip_critic(self):
        """Do nothing."""


class PenalisedCritic(FixedGenerator, objectives.WGANGP):
    """WGAN-GP with a fixed generator."""


def train(name, gan, points, steps, batch_size=256, seed=0):
    """Train the critic of a compiled GAN with `FixedGenerator` for a number of critic updates on fresh points."""
    bar = report.Bar(name, steps)
    show = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.show(batch + 1))
    fresh = points.dataset(batch_size, gan.batches_per_step, seed)
    gan.fit(fresh, steps_per_epoch=steps, verbose=0, callbacks=[show])


def run(steps=2500, seed=0, out="studies/critic_surfaces", width=128):
    """Train five critics on each of the three data sets; write `result.json` and `surfaces.png`.

    Args:
        steps: critic updates.
        seed: integer, for weights and data.
        out: folder of the results; made where missing.
        width: units of a hidden layer, of which there are three.

    Returns:
        dict, the content of `result.json` under "result".

    Raises:
        ValueError: naming the argument that is wrong, as is a folder with a result of other settings.
    """
    validation.integer("steps", steps, 1)
    settings = {
        "steps": steps,
        "seed": validation.integer_within("seed", seed, np.uint32),
        "width": validation.integer("width", width, 1),
        "batch_size": 256,
        "clip": CLIP,
        "norm": NORM,
        "clip_optimizer": "RMSprop(1e-4), falling to 0 along a cosine",
        "norm_optimizer": "RMSprop(1e-3), falling to 0 along a cosine",
        "penalty_optimizer": "Adam(5e-4, beta_1=0.5, beta_2=0.9), falling to 0 along a cosine",
    }
    report.earlier(out, settings)
    result, surfaces = {"protocol": _PROTOCOL}, {}
    for make_points in _TOYS:
        points = make_points()
        for kind, gan in _critics(steps, seed, width).items():
            train(f"{points.name}, {kind}", gan, points, steps, seed=seed)
            result.setdefault(points.name, {})[kind] = measure(gan, points)
            surfaces[points.name, kind] = surface(gan.critic)
    report.write_result(out, settings, result)
    report.save_figure(_figure(surfaces, result), pathlib.Path(out) / "surfaces.png")
    return result


def _critics(steps, seed, width):
    """Return the untrained GANs by the names of the rows of the picture."""
    rate = keras.optimizers.schedules.CosineDecay
    shared = {"critic_steps": 1, "ema_decay": None, "seed": seed}
    keras.utils.set_random_seed(seed)
    clipped = ClippedCritic(mlp.generator(width=1), mlp.critic(width=width), clip=CLIP, **shared)
    clipped.compile(
        critic_optimizer=keras.optimizers.RMSprop(rate(1e-4, steps)), steps_per_execution=math.gcd(50, steps)
    )
    critics = {"clipping": clipped}
    for kind, critic in (("L2 norm clipping", norm_clipped(width)), ("weight normalization", weight_normalized(width))):
        constrained = ConstrainedCritic(mlp.generator(width=1), critic, **shared)
        rmsprop = keras.optimizers.RMSprop(rate(1e-3, steps))
        constrained.compile(critic_optimizer=rmsprop, steps_per_execution=math.gcd(50, steps))
        critics[kind] = constrained
    for weight in PENALTY_WEIGHTS:
        keras.utils.set_random_seed(seed)
        critic = mlp.critic(width=width)
        penalised = PenalisedCritic(mlp.generator(width=1), critic, penalty_weight=weight, **shared)
        adam = keras.optimizers.Adam(rate(5e-4, steps), beta_1=0.5, beta_2=0.9)
        penalised.compile(critic_optimizer=adam, steps_per_execution=math.gcd(50, steps))
        critics[f"gradient penalty, weight {weight:g}"] = penalised
    return critics


def norm_clipped(width):
    """Return `mlp.critic` with kernels whose columns, the weights of a unit, keep an L2 norm of at most `NORM`.

    Keras's optimizers apply the constraint after each update; the first weights obey it too.
    """
    limit = keras.constraints.MaxNorm(NORM, axis=0)
    critic = mlp.critic(width=width)
    for layer in _dense(critic):
        layer.kernel.constraint = limit
        layer.kernel.assign(limit(layer.kernel))
    return critic


def weight_normalized(width):
    """Return `mlp.critic` with kernels whose columns are divided by their L2 norm: no gain is learned."""
    plain = mlp.critic(width=width)
    x = points = keras.Input((2,))
    for layer in _dense(plain):
        inner = keras.layers.Dense(layer.units, kernel_initializer=layer.kernel_initializer)
        x = WeightNormalization(inner, stddev=None, train_gain=False)(x)
        x = x if layer is _dense(plain)[-1] else keras.layers.ReLU()(x)
    return keras.Model(points, x)


def _dense(network):
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]


def measure(gan, points):
    """Return what is measured of a trained critic: names to numbers."""
    rng = np.random.default_rng(0)
    real = points.sample(_MEASURED, seed=1)
    fake = (points.sample(_MEASURED, seed=2) + rng.standard_normal((_MEASURED, 2))).astype("float32")
    share = rng.uniform(size=(_MEASURED, 1))
    between = (share * real + (1 - share) * fake).astype("float32")
    on_real, real_norms = values_and_norms(gan.critic, real)
    on_fake, fake_norms = values_and_norms(gan.critic, fake)
    _, norms = values_and_norms(gan.critic, between)
    gap = on_real.mean() - on_fake.mean()
    on_normal, _ = values_and_norms(gan.critic, matched_normal(real))
    steepest = np.percentile(np.concatenate([real_norms, fake_norms, norms]), 99)
    exact = divergences.w1(real, fake)
    return {
        "gradient_norms": {
            "mean": norms.mean(),
            "relative_spread": norms.std() / norms.mean(),
            "percentiles_5_50_95": np.percentile(norms, [5, 50, 95]),
        },
        "higher_moments": (on_real.mean() - on_normal.mean()) / gap,
        "critic_gap": gap,
        "w1": exact,
        "w1_share": gap / steepest / exact,
    }


def values_and_norms(critic, points):
    """Return a critic's values [N] and the norms [N] of its gradient at points [N, 2], arrays of float64."""
    points = tf.constant(points)
    with tf.GradientTape() as tape:
        tape.watch(points)
        values = critic(points, training=False)
    gradients = tape.gradient(values, points).numpy().astype("float64")
    return values.numpy()[:, 0].astype("float64"), np.linalg.norm(gradients, axis=1)


def matched_normal(points, seed=0):
    """Return normal points, float32 [N, D], whose mean and covariance are those of `points` [N, D], to rounding."""
    points = np.asarray(points, "float64")
    normal = np.random.default_rng(seed).standard_normal(points.shape)
    normal -= normal.mean(axis=0)
    whiten = np.linalg.inv(np.linalg.cholesky(np.cov(normal.T)))
    colour = np.linalg.cholesky(np.cov(points.T))
    return (points.mean(axis=0) + normal @ (colour @ whiten).T).astype("float32")


def surface(critic):
    """Return a critic's values on the square of the pictures, float32 [128, 128]; rows are y, columns x."""
    line = np.linspace(-SIDE, SIDE, _PIXELS, dtype="float32")
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    return critic.predict(grid, batch_size=4096, verbose=0).reshape(_PIXELS, _PIXELS)


def _figure(surfaces, result):
    line = np.linspace(-SIDE, SIDE, _PIXELS)
    kinds = list(dict.fromkeys(kind for _, kind in surfaces))
    size = (3.3 * len(_TOYS), 3.5 * len(kinds) + 0.4)
    figure = figures.new(size)
    axes = figure.subplots(len(kinds), len(_TOYS), squeeze=False)
    for row, kind in zip(axes, kinds):
        for axis, make_points in zip(row, _TOYS):
            points = make_points()
            values, facts = surfaces[points.name, kind], result[points.name][kind]
            axis.contourf(line, line, values, levels=18, cmap="viridis", alpha=0.6)
            axis.contour(line, line, values, levels=18, colors="white", linewidths=0.5, linestyles="solid")
            axis.scatter(*points.sample(1500, seed=1).T, s=2.5, c="#b3001b", linewidths=0)
            axis.set(xticks=[], yticks=[], aspect="equal", xlim=(-SIDE, SIDE), ylim=(-SIDE, SIDE))
            above = f"{points.name.replace('_', ' ')}\n" if kind == kinds[0] else ""
            norm, share = facts["gradient_norms"]["mean"], facts["higher_moments"]
            axis.set_title(f"{above}gradient norm {norm:.2g}, higher moments {share:+.0%}", fontsize=9)
        row[0].set_ylabel(kind, fontsize=10)
    caption = (
        "Values of critics trained to tell the data (red) from the data plus N(0, 1) noise; yellow is high.\n"
        "Higher moments: the share of that preference left against normal points of the same mean and covariance."
    )
    figure.supxlabel(caption, fontsize=9)
    return figure
