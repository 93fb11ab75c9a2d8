"""The study `collapse`: does the guard raise its alarm before the samples are gone, and does a roll-back help?

Small networks, a critic with spectral normalization and a generator without any, learn Fashion-MNIST with the hinge
loss, healthily, until at a given step both learning rates begin to rise: the training is made to collapse. From there
it goes on in three ways, from the same weights, with the same data and noise: without a guard, with one that only
warns, and with one that rolls back. Who raises the rates stops when the guard has lowered them.

(A first version multiplied the rates by 8 at once and had no normalization. It collapsed within 2 to 60 steps, as the
seed and even the number of threads had it, and an alarm in advance was luck.)
"""

import pathlib
import shutil

import keras
import numpy as np
import tensorflow as tf

from kerasgan import callbacks
from kerasgan.callbacks import collapse_guard
from kerasgan.data import fashion_mnist_arrays
from kerasgan.data import images as image_values
from kerasgan.metrics.diversity import mean_pairwise_distance
from kerasgan.networks import dcgan
from kerasgan.objectives import HingeGAN
from kerasgan.saving import keras_file
from kerasgan.studies import report, training
from kerasgan.utils import validation
from kerasgan.visualization import figures, image_grid

BRANCHES = {"unguarded": "#8c8c8c", "warning": "#d1603d", "rolling back": "#2a7f9e"}
BATCH, FILTERS = 32, 8
RATE = 2e-3
STEPS, MORE, GROWTH, EVERY = 600, 400, 1.25, 10
FACTOR = 0.25  # of a roll-back
RULE = callbacks.CollapseRule(warmup=30)  # singular values of a young network grow fast
OFFSET = {"textcoords": "offset points"}
_SHOWN = 8
_REAL = 500
_PROTOCOL = (
    "HingeGAN, DCGAN networks of {filters} filters, the critic with spectral normalization, the generator without "
    "normalization, batch {batch}, Adam({rate}, beta_1=0.5, beta_2=0.999) for both, Fashion-MNIST's training images at "
    "32x32. After {steps} healthy steps both learning rates are multiplied by {growth}, and again every {every} steps; "
    "the branches start there from the same weights and see the same data. Variety: mean Euclidean distance between 64 "
    "generated images in [-1, 1], always of the same latents, by the generator that trains. A branch's variety is "
    "given as a share of the median of the trunk's last 20 healthy looks (healthy). Looks every {every} steps by "
    "{rule}; sigma0 is that of the bare kernels."
)


class Strips(callbacks.EverySteps):
    """Keep what the generator that trains makes of the same latents, along the training.

    Args:
        every: training steps between two strips.
        count: images of a strip.

    Attributes:
        images: dict of steps to uint8 arrays [count, H, W, C].
    """

    def __init__(self, every, count=_SHOWN):
        super().__init__(every)
        self.images = {}
        self._count = count

    def on_train_begin(self, logs=None):
        """Draw the latents and keep the first strip."""
        super().on_train_begin(logs)
        shape = self._count, self.model.latent.uniforms
        numbers = np.random.default_rng(1).uniform(np.finfo("float64").tiny, 1.0, shape)
        self._z = self.model.latent(tf.constant(numbers))
        self._make = tf.function(self.model.generator, autograph=False)
        self.act(self.step, logs)

    def act(self, step, logs):
        """Keep a strip."""
        self.images[step] = np.asarray(image_values.to_uint8(self._make(self._z, training=False)))


class Rising(callbacks.EverySteps):
    """Multiply both learning rates, when training begins and every few steps, until somebody else lowers one.

    Args:
        every: training steps between two times.
        factor: what the rates are multiplied by.
    """

    def __init__(self, every, factor):
        super().__init__(every)
        self.factor = factor

    def on_train_begin(self, logs=None):
        """Multiply for the first time."""
        super().on_train_begin(logs)
        self._set = (0.0, 0.0)
        self.act(self.step, logs)

    def act(self, step, logs):
        """Multiply, unless a rate is below what it was set to."""
        optimizers = self.model.generator_optimizer, self.model.critic_optimizer
        rates = [float(optimizer.learning_rate) for optimizer in optimizers]
        if any(rate < before for rate, before in zip(rates, self._set)):
            self.factor = 1.0
        for optimizer, rate in zip(optimizers, rates):
            optimizer.learning_rate = self.factor * rate
        self._set = [float(optimizer.learning_rate) for optimizer in optimizers]


def build(seed=0):
    """Return the compiled GAN of the study."""
    keras.utils.set_random_seed(seed)
    gan = HingeGAN(
        dcgan.generator((32, 32, 1), latent_dim=32, filters=FILTERS, normalization=None),
        dcgan.critic((32, 32, 1), filters=FILTERS, normalization="spectral"),
        ema_decay=0.99,
        seed=seed,
    )
    gan.compile(*(keras.optimizers.Adam(RATE, beta_1=0.5, beta_2=0.999) for _ in range(2)))
    return gan


def train_trunk(folder, images, steps, every, seed=0):
    """Train healthily, with a guard that warns, and save `FOLDER/trunk.keras` beside the guard's log.

    Returns:
        Path of the file.
    """
    gan = build(seed)
    guard = callbacks.CollapseGuard(folder, every, rule=RULE)
    training.fit(gan, images, BATCH, steps, "healthy steps", execution=every, extra=[guard])
    gan.save(pathlib.Path(folder) / "trunk.keras")
    return pathlib.Path(folder) / "trunk.keras"


def go_on(start, images, steps, every, what, growth, guard=None, frozen=()):
    """Train on from a saved model with rising learning rates; data are the same for each branch.

    Args:
        start: path of a `.keras` file.
        images: uint8 [N, 32, 32, 1].
        steps: training steps.
        every: steps between two strips, and between two times the learning rates rise.
        what: name in front of the lines of progress.
        growth: what both learning rates are multiplied by each time.
        guard: `CollapseGuard` or `None`.
        frozen: names of the sides, "generator" or "critic", whose learning rate becomes 0.

    Returns:
        The `GAN` and its `Strips`.
    """
    gan = keras_file.load(start)
    for side in frozen:
        getattr(gan, f"{side}_optimizer").learning_rate = 0.0
    strips = Strips(every)
    gan.steps_per_execution = every
    rows = training.endless(images, BATCH * gan.batches_per_step, int(gan.step.numpy()))
    guards = [] if guard is None else [guard]
    print(f"{what}: {steps} steps", flush=True)
    gan.fit(rows, epochs=1, steps_per_epoch=steps, verbose=0, callbacks=[strips, *guards, Rising(every, growth)])
    return gan, strips


def run(out, steps=STEPS, more=MORE, growth=GROWTH, every=EVERY, seed=0, data_dir=None):
    """Run the study: `collapse.png` and `result.json`.

    Args:
        out: output folder; the guards' logs and checkpoints lie in folders of it, which are made anew.
        steps: healthy training steps, a multiple of `every`.
        more: training steps with rising learning rates, a multiple of `every`.
        growth: what both learning rates are multiplied by every `every` steps.
        every: training steps between two looks.
        seed: integer, of weights and training.
        data_dir: TFDS's folder.

    Returns:
        Path of `result.json`.

    Raises:
        ValueError: if a number is not allowed, or the folder holds a result of other settings.
        ConnectionError: as `kerasgan.data.tfds`.
    """
    check(steps, more, growth, every, seed)
    out = pathlib.Path(out)
    settings = {"steps": steps, "more": more, "growth": growth, "every": every, "seed": seed, "factor": FACTOR}
    report.earlier(out, settings)
    images = fashion_mnist_arrays.arrays("train", data_dir)[0]
    for name in ("trunk", *BRANCHES):
        shutil.rmtree(out / name, ignore_errors=True)
    start = train_trunk(out / "trunk", images, steps, every, seed)
    results, weights, strips = {}, {}, {}
    actions = {"unguarded": callbacks.Warn(), "warning": callbacks.Warn(), "rolling back": callbacks.RollBack(FACTOR)}
    for name, action in actions.items():
        shutil.copytree(out / "trunk", out / name)
        if name == "unguarded":
            gan, strips[name] = go_on(start, images, more, every, name, growth)
        else:
            guard = callbacks.CollapseGuard(out / name, every, action, RULE)
            gan, strips[name] = go_on(start, images, more, every, name, growth, guard)
            results[name] = guard.looks
        weights[name] = gan.get_weights()
    real = mean_pairwise_distance(images[:_REAL] / 127.5 - 1.0)
    result = summary(results, steps) | {
        "warning_equals_unguarded": all(map(np.array_equal, weights["unguarded"], weights["warning"])),
        "variety_of_real_images": real,
    }
    result["protocol"] = protocol(steps, growth, every)
    path = report.write_result(out, settings, {**result, "looks": results})
    draw(out / "collapse.png", results, strips, steps, result)
    return path


def check(steps, more, growth, every, seed):
    """Raise `ValueError`, naming the argument, if a number is not allowed."""
    validation.integer("every", every, 1)
    for name, value in (("steps", steps), ("more", more)):
        if validation.integer(name, value, 1) % every:
            raise ValueError(f"{name}: expected a multiple of every, {every}; got {value}")
    validation.positive("growth", growth)
    validation.integer_within("seed", seed, np.uint32)


def protocol(steps, growth, every):
    """Return what the study's numbers are of, in words."""
    return _PROTOCOL.format(filters=FILTERS, batch=BATCH, rate=RATE, steps=steps, growth=growth, every=every, rule=RULE)


def variety(looks):
    """Return the varieties of looks, float64 [N]; 0 where one was not finite."""
    return np.array([look["variety"][collapse_guard.VARIETY] or 0.0 for look in looks], "float64")


def largest_sigma0(looks, side=""):
    """Return the largest finite singular value that looks saw, of all kernels or of those of a side."""
    values = (value for look in looks for kernel, value in look["sigma0"].items() if kernel.startswith(side))
    return max((value for value in values if value is not None), default=np.nan)


def summary(found, steps):
    """Return the study's figures.

    Args:
        found: dict of branches to their looks, those of the trunk included.
        steps: the trunk's steps.

    Returns:
        dict: the variety called healthy; for each branch the step of its first alarm after the trunk (`None` for
        none), its reasons, the variety there, at the end, and the lowest later, as shares of the healthy one, and
        `sigma0_growth`, the largest sigma0 later as a multiple of the largest at the trunk's end; and `false_alarms`,
        those in the trunk.
    """
    trunk = [look for look in next(iter(found.values())) if look["step"] <= steps]
    healthy = float(np.median(variety([look for look in trunk if look["healthy"]][-20:])))
    branches = {}
    for name, looks in found.items():
        later = [look for look in looks if look["step"] > steps]
        alarms = [look for look in later if look["alarms"]]
        shares = variety(later) / healthy
        branches[name] = {
            "alarm_step": alarms[0]["step"] if alarms else None,
            "reasons": alarms[0]["alarms"] if alarms else [],
            "share_at_alarm": float(variety(alarms[:1])[0] / healthy) if alarms else None,
            "lowest_share": float(shares.min()),
            "share_at_end": float(np.median(shares[-5:])),
            "sigma0_growth": largest_sigma0(later) / largest_sigma0(trunk[-1:]),
            "actions": [f"step {look['step']}: {look['action']}" for look in later if look["action"]],
        }
    return {
        "healthy_variety": healthy,
        "false_alarms": sum(bool(look["alarms"]) for look in trunk),
        "branches": branches,
    }


def draw(path, found, strips, steps, result):
    """Draw the signals of the branches over the steps, and beneath them samples of each branch; returns the path."""
    figure = figures.new((11.0, 10.0))
    above, below = figure.subfigures(2, 1, height_ratios=(2.1, 1.0))
    panels = above.subplots(3, 1, sharex=True)
    first = max(0, steps - (max(look["step"] for look in found["warning"]) - steps))
    for name, looks in found.items():
        shown = [look for look in looks if look["step"] >= first]
        colour = BRANCHES[name]
        plot_signals(panels, shown, colour, name, result["healthy_variety"])
        for look in shown:
            if look["action"] and look["step"] > steps:
                panels[2].plot(look["step"], 0.3, color=colour, marker="<", ms=9)
                panels[2].annotate(
                    look["action"], (look["step"], 0.3), xytext=(-8, -3), ha="right", fontsize=9, color=colour, **OFFSET
                )
    finish_signals(panels, steps, "learning rates begin to rise")
    alarm = result["branches"]["warning"]["alarm_step"]
    if alarm is not None:
        for panel in panels:
            panel.axvline(alarm, color="#111111", lw=1.2)
        share = result["branches"]["warning"]["share_at_alarm"]
        text = f"alarm at step {alarm}, variety {share:.0%} of healthy"
        panels[2].annotate(text, (alarm, 0.1), xytext=(-8, -3), ha="right", fontsize=9, **OFFSET)
    draw_strips(below, {name: one.images for name, one in strips.items() if name != "unguarded"}, BRANCHES)
    return report.save_figure(figure, path)


def plot_signals(panels, looks, colour, name, healthy):
    """Plot the critic's loss, sigma0 of both networks and the share of variety into three panels."""
    x = [look["step"] for look in looks]
    panels[0].plot(x, [_number(look["critic_loss"]) for look in looks], color=colour, lw=1.5, label=name)
    for side, style in (("generator", "-"), ("critic", "--")):
        panels[1].plot(x, [largest_sigma0([look], side) for look in looks], color=colour, lw=1.5, ls=style)
    panels[2].plot(x, variety(looks) / healthy, color=colour, lw=1.5)


def finish_signals(panels, step, what):
    """Name the axes of the three panels, and mark a step."""
    panels[0].set(ylabel="critic's loss", yscale="symlog", ylim=(-0.3, None))
    panels[1].set(ylabel="largest sigma0\n(dashed: critic's)", yscale="log")
    panels[2].set(ylabel="variety, share of healthy", xlabel="generator steps", ylim=(-0.05, None))
    for panel in panels:
        panel.axvline(step, color="#bbbbbb", lw=1.0, ls="--")
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.2)
    panels[0].legend(frameon=False, fontsize=9, loc="upper left")
    panels[0].set_title(f"dashed line: {what} at step {step}", fontsize=10)


def draw_strips(figure, strips, colours, columns=9):
    """Draw samples along the training: a row a branch, a block of images a step.

    Args:
        figure: matplotlib figure or subfigure.
        strips: dict of branches to dicts of steps to uint8 images [8, H, W, 1].
        colours: dict of branches to colours.
        columns: blocks a row.
    """
    axes = figure.subplots(len(strips), columns, squeeze=False)
    for line, (name, images) in zip(axes, strips.items()):
        steps = sorted(images)
        chosen = [steps[round(place)] for place in np.linspace(0, len(steps) - 1, columns)]
        for axis, step in zip(line, chosen):
            axis.imshow(image_grid.tiles(images[step], 2), cmap="gray", vmin=0, vmax=255)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_color(colours[name])
            axis.set_title(f"{step}", fontsize=8, pad=2)
        line[0].set_ylabel(name, color=colours[name], fontsize=10)


def _number(value):
    return np.nan if value is None else value
