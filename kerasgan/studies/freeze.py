"""The study `freeze`: what each player does where the other stands still, shortly before a collapse.

Brock, Donahue and Simonyan 2019, "Large scale GAN training for high fidelity natural image synthesis",
arXiv:1809.11096, section 4.2, freeze the generator or the critic just before BigGAN collapses, and train the other on.
Here the training is that of the study `collapse`: it is stopped at the first alarm, and from the guard's last healthy
checkpoint it goes on in three ways. A side is frozen by a learning rate of 0; that of the other rises on.
"""

import pathlib
import shutil

from kerasgan import callbacks
from kerasgan.data import fashion_mnist_arrays
from kerasgan.studies import collapse, report
from kerasgan.visualization import figures

BRANCHES = {  # name: (sides that are frozen, colour)
    "both train": ((), "#8c8c8c"),
    "generator frozen": (("generator",), "#2a7f9e"),
    "critic frozen": (("critic",), "#d1603d"),
}


def run(
    out, steps=collapse.STEPS, more=collapse.MORE, growth=collapse.GROWTH, every=collapse.EVERY, seed=0, data_dir=None
):
    """Run the study: `freeze.png` and `result.json`.

    Args:
        out: output folder; the guards' logs and checkpoints lie in folders of it, which are made anew.
        steps: healthy training steps, a multiple of `every`.
        more: training steps of each branch, and at most those until the first alarm, a multiple of `every`.
        growth: what both learning rates are multiplied by every `every` steps after the healthy ones.
        every: training steps between two looks.
        seed: integer, of weights and training.
        data_dir: TFDS's folder.

    Returns:
        Path of `result.json`.

    Raises:
        ValueError: if a number is not allowed, or the folder holds a result of other settings.
        RuntimeError: if the training did not collapse within `more` steps.
        ConnectionError: as `kerasgan.data.tfds`.
    """
    collapse.check(steps, more, growth, every, seed)
    out = pathlib.Path(out)
    settings = {"steps": steps, "more": more, "growth": growth, "every": every, "seed": seed}
    report.earlier(out, settings)
    images = fashion_mnist_arrays.arrays("train", data_dir)[0]
    for name in ("trunk", "toward collapse", *BRANCHES):
        shutil.rmtree(out / name, ignore_errors=True)
    start = collapse.train_trunk(out / "trunk", images, steps, every, seed)
    shutil.copytree(out / "trunk", out / "toward collapse")
    guard = callbacks.CollapseGuard(out / "toward collapse", every, callbacks.Stop(), collapse.RULE)
    collapse.go_on(start, images, more, every, "toward collapse", growth, guard)
    if not guard.looks[-1]["alarms"]:
        raise RuntimeError(f"no alarm within {more} steps of rising learning rates; give more, or a larger growth")
    frozen_at = max(look["step"] for look in guard.looks if look["healthy"])
    before = out / "toward collapse" / f"healthy-{frozen_at:08d}.keras"
    results, strips = {}, {}
    for name, (sides, _) in BRANCHES.items():
        shutil.copytree(out / "toward collapse", out / name)
        guard = callbacks.CollapseGuard(out / name, every, rule=collapse.RULE)
        _, one = collapse.go_on(before, images, more, every, name, growth, guard, sides)
        results[name], strips[name] = guard.looks, one.images
    result = collapse.summary(results, frozen_at) | {"frozen_at": frozen_at}
    for name, branch in result["branches"].items():
        later = [look for look in results[name] if look["step"] > frozen_at]
        losses = [look["critic_loss"] for look in later if look["critic_loss"] is not None]
        branch |= {"highest_loss": max(losses, default=None), "loss_at_end": later[-1]["critic_loss"]}
    result["protocol"] = (
        f"{collapse.protocol(steps, growth, every)} Here the branches start at the last healthy look before the first "
        "alarm; a frozen side has the learning rate 0."
    )
    path = report.write_result(out, settings, {**result, "looks": results})
    draw(out / "freeze.png", results, strips, frozen_at, result["healthy_variety"])
    return path


def draw(path, found, strips, frozen_at, healthy):
    """Draw the signals of the branches, and beneath them samples of each; returns the path."""
    colours = {name: colour for name, (_, colour) in BRANCHES.items()}
    figure = figures.new((11.0, 11.5))
    above, below = figure.subfigures(2, 1, height_ratios=(1.6, 1.0))
    panels = above.subplots(3, 1, sharex=True)
    last = max(look["step"] for looks in found.values() for look in looks)
    for name, looks in found.items():
        shown = [look for look in looks if look["step"] >= 2 * frozen_at - last]
        collapse.plot_signals(panels, shown, colours[name], name, healthy)
    collapse.finish_signals(panels, frozen_at, "the branches part")
    collapse.draw_strips(below, strips, colours)
    return report.save_figure(figure, path)
