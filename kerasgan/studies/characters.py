"""The study `characters`: a WGAN-GP that writes English, character by character all at once."""

import hashlib
import json
import pathlib

import keras
import numpy as np

from kerasgan import objectives
from kerasgan.data import brown, text
from kerasgan.metrics import ngrams
from kerasgan.networks import char_cnn
from kerasgan.saving import keras_file
from kerasgan.studies import report
from kerasgan.utils import atomic_files, validation
from kerasgan.utils.messages import quoted
from kerasgan.visualization import figures

LENGTH = 32
LATENT_DIM = 128
BATCH = 64
N_GRAMS = (1, 2, 3, 4)
FLOORS = 5  # sets of held-out lines
SHOWN = 20  # lines kept for each step
_FREE = ("steps", "every")  # what may differ when a study goes on
_PROTOCOL = (
    "WGAN-GP, lambda 10, Adam(1e-4, 0.5, 0.9), batches of 64, residual networks of 5 blocks, softmax rows to the "
    "critic; no moving average. JS: bits, of the n-grams of generated lines (largest probability at each position, "
    "seeds 0, 1, ...) to those of all training lines, padding counted as a character. Floor: the same for as many "
    f"held-out lines, mean of {FLOORS} sets; a small set cannot have the n-grams of a large one, so it is not 0."
)


def run(
    text_file=None, steps=1200, filters=64, critic_steps=10, every=50, seed=0, out="studies/characters", samples=640
):
    """Train the character language model of WGAN-GP's section 5.4 and write what it writes.

    Every `every` steps the model is saved as `model.keras`, and `result.json`, `samples.txt` and `characters.png` are
    written anew. Run again with the same arguments, the study goes on from there; with more `steps`, further.

    Gulrajani et al. 2017, "Improved training of Wasserstein GANs", arXiv:1704.00028, section 5.4 and appendix; the
    paper's networks have 512 filters, and its code trains for 200,000 steps.

    Args:
        text_file: a UTF-8 file of lines; the sentences of the Brown corpus by default, which are fetched once.
        steps: generator updates in all.
        filters: channels of the networks.
        critic_steps: critic updates a generator update.
        every: generator updates between two measurements.
        seed: seed of weights, latents, and which lines are held out and in what order the others come.
        out: output folder.
        samples: lines of a set whose n-grams are counted.

    Returns:
        `pathlib.Path` of `result.json`.

    Raises:
        ValueError: if an argument is wrong, there are too few lines, or the folder holds a study with other arguments.
        FileNotFoundError: if there is no such text.
        ConnectionError: if the Brown corpus cannot be fetched.
    """
    numbers = {"steps": steps, "filters": filters, "critic_steps": critic_steps, "every": every, "samples": samples}
    for name, value in numbers.items():
        validation.integer(name, value, 1)
    validation.integer_within("seed", seed, np.uint32)
    lines = brown.sentences() if text_file is None else text.read_lines(text_file)
    settings = {
        "text": brown.NAME if text_file is None else str(text_file),
        "lines": len(lines),
        "sha256_of_lines": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        **numbers,
        "seed": seed,
    }
    folder = pathlib.Path(out)
    results = _found_before(folder, settings)

    training, held_out = text.split(lines, FLOORS * samples, seed)
    vocabulary = text.Vocabulary.of(training)
    training, held_out = vocabulary.encode(training, LENGTH), vocabulary.encode(held_out, LENGTH)
    model = _model(folder, results, (LENGTH, len(vocabulary)), filters, critic_steps, seed)
    text.one_hot(training, len(vocabulary), BATCH, model.batches_per_step)  # too few lines are said at once
    wanted = {n: ngrams.counts(_rows(training), n) for n in N_GRAMS}
    floors = [_distances(part, wanted) for part in np.split(held_out, FLOORS)]

    step = int(model.step.numpy())
    curve = [point for point in results["curve"] if point["step"] <= step]
    bar = report.Bar("characters", max(steps - step, 1))
    begun, logs = step, {}
    while True:
        if not curve or curve[-1]["step"] < step:
            made = model.sample(samples).argmax(-1)
            distances = _distances(made, wanted)
            curve.append({"step": step, "js": distances, **logs, "lines": vocabulary.decode(made[:SHOWN])})
            print(f"step {step}: JS " + ", ".join(f"{d:.4f}" for d in distances.values()), flush=True)
        result = {"protocol": _PROTOCOL, "vocabulary": vocabulary.characters, "floors": floors, "curve": curve}
        path = _write(folder, settings, result)
        if step >= steps:
            return path
        model.fit(
            text.one_hot(training, len(vocabulary), BATCH, model.batches_per_step, seed, start_step=step),
            steps_per_epoch=min(every - step % every, steps - step),
            callbacks=[_Progress(bar, step - begun)],
            verbose=0,
        )
        logs = {name: float(tracker.result()) for name, tracker in model.trackers.items()}
        step = int(model.step.numpy())
        model.save(folder / "model.keras")


class _Progress(keras.callbacks.Callback):
    """Print the bar."""

    def __init__(self, bar, done):
        super().__init__()
        self.bar, self.done = bar, done

    def on_train_batch_end(self, batch, logs=None):
        self.bar.show(self.done + batch + 1, f"wasserstein {logs['wasserstein']:.2f}")


def _found_before(folder, settings):
    """Return the result in the folder, if it is that of these settings."""
    path = folder / "result.json"
    if not path.is_file():
        if (folder / "model.keras").exists():
            raise ValueError(f"out: {folder} holds a model.keras without a result.json; choose another folder")
        return {"curve": []}
    content = json.loads(path.read_text())
    for name, value in settings.items():
        if name not in _FREE and content["settings"].get(name) != value:
            was = content["settings"].get(name)
            raise ValueError(
                f"out: {folder} holds a study with {name}={quoted(was)}, not {quoted(value)}; choose another folder"
            )
    return content["result"]


def _model(folder, found, shape, filters, critic_steps, seed):
    if found["curve"] and (folder / "model.keras").exists():
        return keras_file.load(folder / "model.keras")
    keras.utils.set_random_seed(seed)
    model = objectives.WGANGP(
        char_cnn.generator(shape, LATENT_DIM, filters=filters),
        char_cnn.critic(shape, filters=filters),
        critic_steps=critic_steps,
        ema_decay=None,
        seed=seed,
    )
    model.compile(*(keras.optimizers.Adam(1e-4, beta_1=0.5, beta_2=0.9) for _ in range(2)))
    return model


def _rows(numbers):
    return map(tuple, numbers.tolist())


def _distances(numbers, wanted):
    """Return the JS of the n-grams of lines, integers [N, LENGTH], to counts: {"1": bits, ...}."""
    return {str(n): ngrams.jensen_shannon(ngrams.counts(_rows(numbers), n), wanted[n]) for n in N_GRAMS}


def _write(folder, settings, result):
    """Write the lines, the result and the picture."""
    parts = [f"step {point['step']}\n" + "".join(f"  {line}\n" for line in point["lines"]) for point in result["curve"]]
    with atomic_files.written_whole(folder / "samples.txt") as beside:
        beside.write_text("\n".join(parts), encoding="utf-8")
    path = report.write_result(folder, settings, result)
    report.save_figure(_figure(result["floors"], result["curve"]), folder / "characters.png")
    return path


def _figure(floors, curve):
    figure = figures.new((10.5, 5.2))
    left, right = figure.subplots(1, 2, width_ratios=(5, 3))
    steps = [point["step"] for point in curve]
    for n in map(str, N_GRAMS):
        (line,) = left.plot(steps, [point["js"][n] for point in curve], marker=".", label=f"{n}-grams")
        left.axhline(np.mean([floor[n] for floor in floors]), color=line.get_color(), linestyle=":", linewidth=1.2)
    left.set(yscale="log", xlabel="generator updates", ylabel="bits", title="Jensen-Shannon divergence to the text")
    left.plot([], [], color="black", linestyle=":", linewidth=1.2, label="held-out lines")
    figure.legend(loc="outside lower left", ncols=len(N_GRAMS) + 1, frameon=False)
    left.spines[["top", "right"]].set_visible(False)
    right.set_axis_off()
    right.set_title(f"lines after {steps[-1]} updates")
    shown = "\n".join(line.replace("$", r"\$") for line in curve[-1]["lines"])
    right.text(0.0, 0.98, shown, family="monospace", fontsize=10, linespacing=1.4, va="top", transform=right.transAxes)
    return figure
