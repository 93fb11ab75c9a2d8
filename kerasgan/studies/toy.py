"""The study `toy`: every objective on points whose distribution is known."""

import dataclasses
import json
import math
import pathlib
import time

import keras
import numpy as np
from keras import layers, ops

from kerasgan import data, latents, objectives
from kerasgan.layers import SpectralNormalization
from kerasgan.metrics import divergences
from kerasgan.metrics import modes as mode_metrics
from kerasgan.metrics.evaluation import measures
from kerasgan.networks import mlp
from kerasgan.networks.pairwise import PairwiseCritic
from kerasgan.studies import report
from kerasgan.utils import atomic_files, validation
from kerasgan.utils.messages import quoted
from kerasgan.visualization import figures

DATA = {
    "eight_gaussians": data.eight_gaussians,
    "twenty_five_gaussians": data.twenty_five_gaussians,
    "swiss_roll": data.swiss_roll,
}
DELIGAN = "SGAN+DeLiGAN"
SAMPLES = 2500
SIDE = 2.1  # the pictures show [-SIDE, SIDE] in both directions
PIXELS = 96
_FAKES = 64  # generated points that a critic of pairs is averaged over in a picture
_PROTOCOL = (
    f"{SAMPLES} samples of the generator's moving average. A sample within 3 standard deviations of its nearest mode "
    "is of high quality, and a mode with one such sample is covered (VEEGAN, arXiv:1705.07761, section 4.1). W1: exact "
    "between the samples and as many real points. JS: nats, of the samples on a grid with cells of 0.05 to the exact "
    "masses of its cells. real: the same for a second real sample, the least that can be expected."
)


@dataclasses.dataclass(frozen=True)
class Setting:
    """How one objective is trained; the defaults are those of the study."""

    steps: int = 3000
    rate: float = 1e-3  # Adam's learning rate, for both networks
    beta_1: float = 0.5
    beta_2: float = 0.9
    batch_size: int = 256
    width: int = 128
    latent_dim: int = 2
    ema_decay: float = 0.999
    spectral: bool = False  # whether the critic's layers are normalized spectrally
    components: int = 0  # of DeLiGAN's mixture; 0: normal latents
    objective: dict = dataclasses.field(default_factory=dict)  # arguments of the objective's class


# The objectives that are trained otherwise than `Setting()` says. On 2 idle cores each takes at most 3 minutes.
SETTINGS = {
    "CramerGAN": Setting(steps=3500, objective={"penalty_weight": 0.1}),
    "TSGAN": Setting(steps=6000, rate=5e-4, spectral=True),
    "TWGAN": Setting(steps=6000, rate=5e-4, spectral=True),
    "WGAN": Setting(steps=6000, beta_1=0.0, objective={"clip": 0.1}),
    "WGANGP": Setting(steps=6000, objective={"penalty_weight": 0.1}),
    DELIGAN: Setting(rate=5e-4, latent_dim=16, components=50),
}


def names():
    """Return the names of what the study trains: all objectives that need no classes, and SGAN with DeLiGAN's prior."""
    plain = [name for name in objectives.__all__ if not getattr(objectives, name).classifying_critic]
    return [*sorted(plain, key=str.lower), DELIGAN]


def run(data_name="eight_gaussians", objective_names=None, steps=None, seconds=None, seed=0, out="studies/toy"):
    """Train objectives on toy data, each in its turn, and write `result.json`, `table.md` and `samples.png`.

    What `result.json` in the folder holds already, found with the same settings, is not trained again: an interrupted
    study goes on where it stopped.

    Args:
        data_name: one of `DATA`.
        objective_names: list of `names()`; all of them by default.
        steps: training steps of each objective; those of its setting by default.
        seconds: end an objective's training after this time, whatever the steps; its result then depends on the
            machine's speed. No bound by default.
        seed: integer, for weights, latents and data.
        out: folder of the results; made where missing.

    Returns:
        dict, the content of `result.json` under "result".

    Raises:
        ValueError: naming the argument that is wrong.
    """
    if data_name not in DATA:
        raise ValueError(f"data: expected one of {', '.join(DATA)}; got {quoted(data_name)}")
    chosen = names() if objective_names is None else list(validation.several("objectives", objective_names))
    for name in chosen:
        if name not in names():
            raise ValueError(f"objectives: expected some of {', '.join(names())}; got {quoted(name)}")
    if not chosen:
        raise ValueError("objectives: expected at least one; got none")
    if seconds is not None:
        validation.positive("seconds", seconds)
    points, out = DATA[data_name](), pathlib.Path(out)
    common = {
        "data": data_name,
        "seed": validation.integer_within("seed", seed, np.uint32),
        "seconds": seconds,
        "samples": SAMPLES,
    }
    left_out = sorted(set(objectives.__all__) - set(names()))
    note = f"left out, as they need classes: {', '.join(left_out)}" if left_out else ""
    print(note or "no objective is left out", flush=True)
    results = _found(out, common)
    result = {"protocol": _PROTOCOL, "note": note, "real": measure(points, points.sample(SAMPLES, seed=3)), **results}
    for name in chosen:
        setting = SETTINGS.get(name, Setting())
        if steps is not None:
            setting = dataclasses.replace(setting, steps=validation.integer("steps", steps, 1))
        setting = dataclasses.asdict(setting)
        if name in result["objectives"] and result["objectives"][name]["setting"] == setting:
            print(f"{name}: found in {out / 'result.json'}", flush=True)
            continue
        began = time.perf_counter()
        gan, history = train(name, points, Setting(**setting), seed, seconds)
        took = time.perf_counter() - began
        made = sample(gan)
        surface, meaning = critic_surface(gan)
        _save_arrays(out, name, made, surface)
        result["objectives"][name] = {
            "setting": setting,
            "steps_taken": int(gan.step.numpy()),
            "seconds": round(took, 1),
            "history": history,
            "surface": meaning,
            **measure(points, made),
        }
        result["objectives"] = {
            known: result["objectives"][known] for known in names() if known in result["objectives"]
        }
        report.write_result(out, common, result)
    _write_table(out, data_name, result)
    report.save_figure(_figure(out, points, result), out / "samples.png")
    return result


def train(name, points, setting, seed=0, seconds=None, checks=12):
    """Train one objective.

    Args:
        name: name of a class of `kerasgan.objectives`, or `DELIGAN`.
        points: toy data of `kerasgan.data.toy`.
        setting: `Setting`.
        seed: integer.
        seconds: end the training after this time, if the steps have not all been taken; `None` for no bound.
        checks: how many times on the way the modes are counted, where the data have modes.

    Returns:
        The trained `GAN`, and a list of (steps, modes covered, share of high-quality samples).
    """
    gan = make_gan(name, setting, seed)
    gan.compile(
        keras.optimizers.Adam(setting.rate, setting.beta_1, setting.beta_2),
        keras.optimizers.Adam(setting.rate, setting.beta_1, setting.beta_2),
        steps_per_execution=math.gcd(50, setting.steps),
    )
    watch = _Watch(name, points, setting.steps, seconds, checks)
    fresh = points.dataset(setting.batch_size, gan.batches_per_step, seed)
    gan.fit(fresh, steps_per_epoch=setting.steps, verbose=0, callbacks=[watch])
    return gan, watch.history


def make_gan(name, setting, seed=0):
    """Return a new GAN of points; see `train` for the arguments."""
    keras.utils.set_random_seed(seed)
    objective = objectives.SGAN if name == DELIGAN else getattr(objectives, name)
    return objective(
        mlp.generator(latent_dim=setting.latent_dim, width=setting.width),
        make_critic(objective, setting.width, setting.spectral),
        latent=latents.GaussianMixture(setting.latent_dim, setting.components) if setting.components else None,
        ema_decay=setting.ema_decay,
        seed=seed,
        **setting.objective,
    )


def make_critic(objective, width=128, spectral=False, features=64):
    """Return a new critic of points, of the kind that an objective needs.

    Args:
        objective: a `GAN` class.
        width: units of a hidden layer, of which there are three.
        spectral: whether the layers are normalized spectrally; they then have LeakyReLU.
        features: numbers that a critic of features, or the encoder of a critic of pairs, gives for a point.

    Returns:
        `keras.Model`; a `PairwiseCritic` with two hidden layers in the encoder and one in the head, where the
        objective compares pairs.
    """
    outputs = features if objective.feature_critic or objective.pairwise_critic else 1
    if objective.pairwise_critic:
        encoder = _perceptron(2, 2, width, features, spectral)
        return PairwiseCritic(encoder, _perceptron(features, 1, width, 1, spectral))
    return _perceptron(2, 3, width, outputs, spectral) if spectral else mlp.critic(width=width, outputs=outputs)


def sample(gan):
    """Return the `SAMPLES` points, float32 [SAMPLES, 2], by which a GAN is judged."""
    return gan.sample(SAMPLES, seed=0, batch_size=SAMPLES)


def measure(points, made):
    """Return what is measured of generated points, float32 [SAMPLES, 2]: names to numbers."""
    numbers = {
        "w1": divergences.w1(made, points.sample(SAMPLES, seed=1)),
        "js": divergences.js_to_density(made, points, measures.JS_EDGES),
    }
    if isinstance(points, data.toy.Mixture):
        modes = mode_metrics.modes(made, points.centres, points.std)
        numbers |= {
            "modes": modes.covered,
            "modes_in_all": len(points.centres),
            "high_quality": modes.high_quality,
            "smallest_share": float(modes.shares.min()),
            "shares": modes.shares,
            "kl_of_modes": None if np.isnan(modes.kl) else modes.kl,
        }
    return numbers


def critic_surface(gan, pixels=PIXELS):
    """Return the critic's values on the square of the pictures, float32 [pixels, pixels], and what they are.

    Row i is y = SIDE * (-1 + 2 i / (pixels - 1)), columns likewise x. A critic of one logit gives its value. A critic
    of pairs gives the mean of T(x, G(z)) over generated points, Cramer's f(x), the mean of ||h(x) - h(G(z))|| less
    ||h(x)||.
    """
    line = np.linspace(-SIDE, SIDE, pixels, dtype="float32")
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    if not gan.pairwise_critic and not gan.feature_critic:
        return _square(gan.critic(grid, training=False), pixels), "D(x)"
    fakes = gan.sample(_FAKES, seed=0)
    if gan.feature_critic:
        h, h_fakes = gan.critic(grid, training=False), gan.critic(fakes, training=False)
        values = sum(ops.norm(h - row, axis=1) for row in h_fakes) / _FAKES - ops.norm(h, axis=1)
        return _square(values, pixels), "f(x) = E||h(x) - h(G(z))|| - ||h(x)||"
    values = sum(gan.critic([grid, np.broadcast_to(fake, grid.shape)], training=False) for fake in fakes) / _FAKES
    return _square(values, pixels), "E T(x, G(z))"


def _square(values, pixels):
    return np.reshape(ops.convert_to_numpy(values), (pixels, pixels))


def _perceptron(dim, hidden, width, outputs, spectral):
    wrap = SpectralNormalization if spectral else lambda layer: layer
    inputs = x = keras.Input((dim,))
    for _ in range(hidden):
        x = layers.LeakyReLU(0.2)(wrap(layers.Dense(width, kernel_initializer="he_uniform"))(x))
    return keras.Model(inputs, wrap(layers.Dense(outputs))(x))


class _Watch(keras.callbacks.Callback):
    """Show progress, count modes on the way, and stop in time."""

    def __init__(self, name, points, steps, seconds, checks):
        super().__init__()
        self.history = []
        self._points, self._seconds = points, seconds
        self._every = self._due = max(1, steps // checks)
        self._bar = report.Bar(name, steps)
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Look and show."""
        done, note = batch + 1, ""
        if isinstance(self._points, data.toy.Mixture):
            if done >= self._due:
                self._due += self._every
                coverage = mode_metrics.modes(sample(self.model), self._points.centres, self._points.std)
                self.history.append([done, coverage.covered, coverage.high_quality])
            if self.history:
                note = f"{self.history[-1][1]} modes, {self.history[-1][2]:.0%} of high quality"
        self._bar.show(done, note)
        if self._seconds is not None and time.perf_counter() - self._began > self._seconds:
            self.model.stop_training = True


def _found(out, common):
    """Return the objectives of an earlier run in the folder with the same settings, as a part of a result."""
    objectives_found = (report.earlier(out, common) or {"objectives": {}})["objectives"]
    kept = [name for name in names() if name in objectives_found and _arrays_path(out, name).is_file()]
    return {"objectives": {name: objectives_found[name] for name in kept}}


def _arrays_path(out, name):
    return out / "arrays" / f"{name}.npz"


def _save_arrays(out, name, made, surface):
    with atomic_files.written_whole(_arrays_path(out, name)) as beside:
        np.savez_compressed(beside, samples=made, surface=surface)


def _write_table(out, data_name, result):
    """Write `table.md`: what each objective reached, and how it was trained."""
    rows = {"real": result["real"]} | result["objectives"]
    has_modes = "modes" in result["real"]
    columns = ["objective", *(["modes", "high quality", "smallest share"] if has_modes else []), "W1", "JS", "s"]
    lines = [f"# Toy study: {data_name}", "", _PROTOCOL, "", _row(columns), _row(["---"] * len(columns))]
    for name, one in rows.items():
        modes = []
        if has_modes:
            share = f"{one['smallest_share']:.1%}"
            modes = [f"{one['modes']} of {one['modes_in_all']}", f"{one['high_quality']:.1%}", share]
        took = f"{one['seconds']:.0f}" if "seconds" in one else ""
        lines.append(_row([name, *modes, f"{one['w1']:.3f}", f"{one['js']:.3f}", took]))
    fields = [field.name for field in dataclasses.fields(Setting)]
    lines += ["", "How each was trained:", "", _row(["objective", *fields]), _row(["---"] * (len(fields) + 1))]
    for name, one in result["objectives"].items():
        lines.append(_row([name, *(json.dumps(one["setting"][field]) for field in fields)]))
    lines += [*([""] if result["note"] else []), result["note"]]
    with atomic_files.written_whole(out / "table.md") as beside:
        beside.write_text("\n".join(lines).rstrip() + "\n")


def _row(cells):
    return f"| {' | '.join(cells)} |"


def _figure(out, points, result):
    """Return the figure of all objectives: their points on their critic's surface."""
    columns = min(5, 1 + len(result["objectives"]))
    rows = -(-(1 + len(result["objectives"])) // columns)
    size = (2.5 * columns, 2.75 * rows + 0.5)
    figure = figures.new(size)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set(xlim=(-SIDE, SIDE), ylim=(-SIDE, SIDE), xticks=[], yticks=[], aspect="equal")
        axis.set_axis_off()
    line = np.linspace(-SIDE, SIDE, PIXELS)
    real = points.sample(SAMPLES, seed=3)
    panels = {"real points": (real, None, result["real"])}
    for name, one in result["objectives"].items():
        with np.load(_arrays_path(out, name)) as arrays:
            panels[name] = (arrays["samples"], arrays["surface"], one)
    for axis, (name, (made, surface, one)) in zip(axes.flat, panels.items()):
        axis.set_axis_on()
        if surface is not None:
            axis.contourf(line, line, surface, levels=14, cmap="viridis", alpha=0.55)
            axis.contour(line, line, surface, levels=14, colors="white", linewidths=0.4, linestyles="solid")
        axis.scatter(*made.T, s=2.5, c="#111111" if surface is None else "#b3001b", alpha=0.5, linewidths=0)
        if "modes" in one:
            what = f"{one['modes']} of {one['modes_in_all']} modes, {one['high_quality']:.0%} good"
        else:
            what = f"W1 {one['w1']:.3f}"
        axis.set_title(f"{name}\n{what}", fontsize=9)
    others = {}
    for name, one in result["objectives"].items():
        if one["surface"] != "D(x)":
            others.setdefault(one["surface"], []).append(name)
    caption = "Generated points (red) on the critic's values D(x); yellow is high"
    caption += "".join(f"; {', '.join(which)}: {meaning}" for meaning, which in others.items())
    figure.supxlabel(caption, fontsize=8)
    return figure
