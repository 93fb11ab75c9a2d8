"""An alarm before a training collapses, and the checkpoint to go back to."""

import itertools
import math
import pathlib
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from kerasgan import data
from kerasgan.callbacks.checkpoint import damage
from kerasgan.callbacks.collapse_actions import Action, Warn
from kerasgan.callbacks.collapse_rule import CollapseRule, Inspection, Verdict
from kerasgan.callbacks.every import EverySteps
from kerasgan.layers import kernels
from kerasgan.metrics.diversity import mean_pairwise_distance
from kerasgan.models import training_arrays
from kerasgan.utils import json_lines, keyed_random, validation, workers
from kerasgan.utils.annotations import Logs, Path
from kerasgan.utils.messages import quoted

LOG = "collapse_guard.jsonl"
VARIETY, WITHIN = "variety", "variety within a class"


class CollapseGuard(EverySteps):
    """Watch the critic's loss, the kernels' singular values and the variety of samples, and act on an alarm.

    At each look it measures the mean of the critic's loss since the look before (or the epoch's beginning), sigma0 of
    each kernel, bare of spectral normalization, and the mean distance in pixel space between generated images, always
    of the same latents, by the generator that trains: its moving average hides a collapse for long. For a conditional
    model also that within a class. `CollapseRule` says what is an alarm, and why. A look that is healthy is followed by
    a checkpoint, `FOLDER/healthy-00001200.keras`; the last `keep` of them stay.

    Every look is a line of `FOLDER/collapse_guard.jsonl`: `step`, `healthy`, `critic_loss`, `variety` and `sigma0`
    (names to numbers, null where not finite), `alarms`, `doubts` and `action`. The first alarm of a row of them is
    printed, and so is whatever the action does. A training resumed with the same folder goes on with what the lines up
    to its step say. Losses that are NaN or infinite are an alarm at once, not at the next look only. `FiniteLosses`
    would end the training there: leave it out where the guard is to roll back.

    Args:
        folder: where log and checkpoints go; made where missing.
        every: training steps between two looks.
        action: what to do on an alarm: `Warn()` (the default), `Stop()`, `RollBack()`, `FreezeGenerator()` or
            `FreezeCritic()`.
        rule: `CollapseRule`, the thresholds; by default those of its own defaults.
        images: generated images for variety, at least 2; of a conditional model at least 4 a class are made of as many
            classes as that allows.
        real: real images, uint8 [N, H, W, C] or as the generator makes them, with which variety is compared; for a
            conditional model the pair of them and their labels [N]. Some hundreds; `None` for no such comparison.
        keep: healthy checkpoints that are kept.

    Attributes:
        looks: list of the lines, dicts.

    Raises:
        ValueError: naming the argument that is wrong; when training begins, if the action does not fit the training;
            after the first step, if `critic_loss` is not logged.
    """

    def __init__(
        self,
        folder: Path,
        every: int = 100,
        action: Action | None = None,
        rule: CollapseRule | None = None,
        images: int = 64,
        real: np.ndarray | tuple[np.ndarray, npt.ArrayLike] | None = None,
        keep: int = 2,
    ):
        super().__init__(every)
        self.folder = pathlib.Path(folder)
        self.action = Warn() if action is None else action
        self.rule = CollapseRule() if rule is None else rule
        if not isinstance(self.action, Action):
            raise ValueError(f"action: expected one such as Warn(), Stop() or RollBack(); got {quoted(action)}")
        if not isinstance(self.rule, CollapseRule):
            raise ValueError(f"rule: expected a CollapseRule; got {quoted(rule)}")
        self.images = validation.integer("images", images, 2)
        self.keep = validation.integer("keep", keep, 1)
        self.real = real
        self.looks: list[dict[str, Any]] = []
        self._healthy: list[Inspection] = []
        self._low, self._alarmed = 0, False
        self._means: Logs = {}  # of Keras's logs, at the last healthy look
        self._broken: set[str] = set()  # logs that were not finite in the step before
        self._sum, self._count = 0.0, 0  # of the critic's loss, in this epoch up to the last look

    # What Keras calls

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check the action, read the lines up to the model's step, and measure real images."""
        super().on_train_begin(logs)
        self.action.check(self.model)
        self._broken = set()
        self._resume()
        self._real_variety = None if self.real is None else self._variety_of_real()
        self._make = tf.function(self._generate, autograph=False)
        networks = {"generator": self.model.generator, "critic": self.model.critic}
        self._top = {side: kernels.TopSingularValues(kernels.kernels(net), k=1) for side, net in networks.items()}

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Begin the sums anew, as Keras does its means."""
        super().on_epoch_begin(epoch, logs)
        self._sum, self._count = 0.0, 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look if it is time, or a loss is not finite."""
        _check_has_loss(logs)
        super().on_train_batch_end(batch, logs)
        before, self._broken = self._broken, _not_finite(logs)  # such a mean stays so until the epoch ends
        if self._acted_at < self.step and self._broken - before:
            self._acted_at = self.step
            self.act(self.step, logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Look once more, unless EarlyStopping has put an earlier epoch's weights back, whose losses are not known."""
        if int(self.model.step.numpy()) == self.step:
            super().on_train_end(logs)

    def act(self, step: int, logs: Logs | None) -> None:
        """Look, judge, and save or act."""
        logs = logs or {}
        look = self._of_the_chief(Inspection(self._window_loss(logs), self._sigma0(), self._variety()))
        verdict, self._low = self.rule.judge(look, self._healthy, self._low, self._real_variety)
        broken = sorted(_not_finite(logs) - {"critic_loss"})  # which the look has
        if broken:
            verdict = Verdict((*verdict.alarms, *(f"{name} is {logs[name]}" for name in broken)), verdict.doubts)
        if verdict.healthy:
            self._healthy = [*self._healthy, look][-max(self.rule.history, self.rule.warmup) :]
            self._means = {name: float(value) for name, value in logs.items()}
            self._save(step)
        done = self.action.act(self) if verdict.alarms else ""
        self._write(step, look, verdict, done)
        self._print(step, verdict, done)

    # What actions use

    def restore(self) -> int | None:
        """Put everything but the step back to what the oldest kept healthy checkpoint holds, and drop the newer ones.

        Damaged ones are passed over.

        Keras's running means of the logs go on, so that logs stay means since the epoch began; those that have become
        NaN or infinite go on from the last healthy look, of which a resumed training knows the critic's loss alone: the
        others begin anew.

        Returns:
            The checkpoint's step; `None` if there is no checkpoint.
        """
        whole = {step: path for step, path in self._checkpoints().items() if damage(path) is None}
        if not whole:
            return None
        oldest, *newer = sorted(whole)
        trackers = self.model.trackers
        stay = [self.model.step, *(variable for mean in trackers.values() for variable in mean.variables)]
        values = [ops.convert_to_numpy(variable) for variable in stay]
        self.model.load_weights(whole[oldest])
        for variable, value in zip(stay, values):
            variable.assign(value)
        for name, mean in trackers.items():
            if np.isfinite(ops.convert_to_numpy(mean.total)):
                continue
            if name in self._means:
                mean.total.assign(self._means[name] * ops.convert_to_numpy(mean.count))
            else:
                mean.reset_state()
        self._sum, self._low = float(self.model.trackers["critic_loss"].result()) * self._count, 0
        self._broken = set()  # so that the next that is not finite is told at once too
        for later in newer if self._writes else ():
            whole[later].unlink()
        return oldest

    # What is measured

    def _sigma0(self):
        values: dict[str, float] = {}
        for side, top in self._top.items():
            values |= {f"{side} {kernel.name}": float(row[0]) for kernel, row in zip(top.kernels, top())}
        return values

    def _window_loss(self, logs):
        count = self.step - self._epoch_start
        total = float(logs["critic_loss"]) * count
        mean = (total - self._sum) / max(count - self._count, 1)
        self._sum, self._count = total, count
        return mean

    def _of_the_chief(self, look):
        """A look with the chief's numbers, so that all workers judge alike."""
        sigma0, variety = list(look.sigma0), list(look.variety)
        values = [look.critic_loss, *look.sigma0.values(), *look.variety.values()]
        loss, *others = workers.of_the_chief(self.model.distribute_strategy, values)
        return Inspection(loss, dict(zip(sigma0, others)), dict(zip(variety, others[len(sigma0) :])))

    def _labels(self):
        classes = self.model.num_classes
        return None if classes is None else np.arange(self.images) % min(classes, max(1, self.images // 4))

    def _generate(self):
        seeds, labels = tf.range(self.images, dtype=tf.int64), self._labels()
        z = self.model.latent(
            keyed_random.uniform_rows(seeds, self.model.latent.uniforms, ("collapse guard", "latents"))
        )
        inputs = z if labels is None else [z, ops.convert_to_tensor(labels, "int32")]
        return self.model.generator(inputs, training=False)

    def _variety(self):
        return _varieties(self._make().numpy(), self._labels())

    def _variety_of_real(self):
        images, labels = self.real if isinstance(self.real, tuple) else (self.real, None)
        if (labels is None) != (self.model.num_classes is None):
            wanted = "images" if self.model.num_classes is None else "a pair of images and labels"
            raise ValueError(f"real: expected {wanted}, as the model has num_classes={self.model.num_classes}")
        images = training_arrays.checked("real", np.asarray(images), self.model.image_shape)
        if len(images) < 2:
            raise ValueError(f"real: expected some hundreds of images, at least 2; got {len(images)}")
        return _varieties(np.asarray(data.to_float(images)) if images.dtype == np.uint8 else images, labels)

    # What is written

    def _checkpoints(self):
        """Steps of healthy looks of this training to the checkpoints that are there."""
        steps = [line["step"] for line in self.looks if line["healthy"]]
        return {step: path for step in steps if (path := self._checkpoint(step)).is_file()}

    def _checkpoint(self, step):
        return self.folder / f"healthy-{step:08d}.keras"

    @property
    def _writes(self):
        return workers.is_chief(self.model.distribute_strategy)

    def _save(self, step):
        if not self._writes:
            return
        self.model.save(self._checkpoint(step))
        for _, path in sorted(self._checkpoints().items())[: 1 - self.keep or None]:
            path.unlink()

    def _write(self, step, look, verdict, done):
        line = {
            "step": step,
            "healthy": verdict.healthy,
            "critic_loss": _finite(look.critic_loss),
            "variety": {name: _finite(value) for name, value in look.variety.items()},
            "sigma0": {name: _finite(value) for name, value in look.sigma0.items()},
            "alarms": list(verdict.alarms),
            "doubts": list(verdict.doubts),
            "action": done,
        }
        self.looks.append(line)
        if self._writes:
            json_lines.append(self.folder / LOG, line)

    def _print(self, step, verdict, done):
        told = self._writes
        if told and verdict.alarms and (done or not self._alarmed):
            ending = f"; {done}" if done else ""
            print(f"step {step}: alarm: {'; '.join(verdict.alarms)}{ending}", flush=True)
        elif told and self._alarmed and verdict.healthy:
            print(f"step {step}: healthy again", flush=True)
        self._alarmed = bool(verdict.alarms) or (self._alarmed and not verdict.healthy)

    def _resume(self):
        """Read the lines up to the model's step, and rewrite the file without later ones."""
        if self._writes:
            self.looks = json_lines.keep_until(self.folder / LOG, self.step)
        else:
            there = (self.folder / LOG).is_file() and self.step > 0
            self.looks = (
                [line for line in json_lines.read(self.folder / LOG) if line["step"] <= self.step] if there else []
            )
        healthy = [line for line in self.looks if line["healthy"]]
        self._healthy = [Inspection(line["critic_loss"], line["sigma0"], line["variety"]) for line in healthy]
        self._means = {"critic_loss": healthy[-1]["critic_loss"]} if healthy else {}
        self._low = len(list(itertools.takewhile(lambda line: line["doubts"], reversed(self.looks))))
        self._alarmed = bool(self.looks and self.looks[-1]["alarms"])


def _varieties(images, labels):
    values = {VARIETY: mean_pairwise_distance(images)}
    return values if labels is None else values | {WITHIN: mean_pairwise_distance(images, labels)}


def _check_has_loss(logs):
    if "critic_loss" not in (logs or {}):
        given = ", ".join(logs or {}) or "nothing"
        raise ValueError(
            f"callbacks: expected steps that log critic_loss, which CollapseGuard watches; got logs of {given}: in a "
            "train_step of your own, self.track(critic_loss=...), and return self.end_step()"
        )


def _not_finite(logs):
    return {name for name, value in (logs or {}).items() if not math.isfinite(value)}


def _finite(value):
    return value if math.isfinite(value) else None
