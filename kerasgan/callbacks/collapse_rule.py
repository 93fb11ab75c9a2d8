"""When a training counts as collapsing: the signals, their thresholds and the rule, without any model."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from kerasgan.utils import validation
from kerasgan.utils.messages import quoted


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What is seen of a training at one step.

    Attributes:
        critic_loss: mean of the critic's loss since the look before.
        sigma0: dict of the kernels' names to their largest singular values.
        variety: dict of kinds of variety to mean distances between generated images.
    """

    critic_loss: float
    sigma0: dict[str, float]
    variety: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a rule says of a look; it is healthy if there are neither alarms nor doubts.

    Attributes:
        alarms: tuple of reasons, sentences with their numbers.
        doubts: tuple of what is not healthy and not yet a reason.
    """

    alarms: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def healthy(self):
        """Whether there are neither alarms nor doubts."""
        return not self.alarms and not self.doubts


@dataclasses.dataclass(frozen=True)
class CollapseRule:
    """Compare a look with the medians of the last healthy ones; one signal beyond its threshold is an alarm.

    The signals are those that Brock, Donahue and Simonyan 2019, arXiv:1809.11096, section 4, saw at the collapse of
    BigGAN: the critic's loss falls toward 0 and then jumps from single digits to hundreds, and sigma0, the largest
    singular value of the kernels, explodes. Sample variety is added, as it is what a collapse takes away. A median
    moves with the training, so what changes slowly over more than `history` looks raises no alarm, except below
    `real_share`. A signal that is NaN or infinite is an alarm at any time. A threshold of `None` turns it off.

    Args:
        low_loss: the critic's loss counts as low below this share of its median; for losses whose median is above 0
            alone (those of Wasserstein critics are below, and go toward 0 as training succeeds).
        low_loss_looks: looks with a low loss, one after the other, that make an alarm. The first ones are doubts.
        loss_jump: the critic's loss has jumped if it differs from its median by more than this many times the median
            of its absolute value.
        sigma_growth: a kernel's sigma0 has exploded if it is more than this many times its median.
        variety_share: variety is lost below this share of its median.
        real_share: variety is lost below this share of that of real images, where the guard has some.
        history: healthy looks that the medians are of, the last ones.
        warmup: healthy looks at the beginning that are not judged.

    Raises:
        ValueError: naming the argument that is out of its range.
    """

    low_loss: float | None = 0.1
    low_loss_looks: int = 3
    loss_jump: float | None = 10.0
    sigma_growth: float | None = 2.0
    variety_share: float | None = 0.5
    real_share: float | None = 0.2
    history: int = 20
    warmup: int = 5

    def __post_init__(self):
        for name in ("low_loss", "variety_share", "real_share"):
            _check(name, getattr(self, name), 0.0, 1.0, "a number between 0 and 1, or None")
        _check("loss_jump", self.loss_jump, 0.0, math.inf, "a positive number, or None")
        _check("sigma_growth", self.sigma_growth, 1.0, math.inf, "a number above 1, or None")
        for name in ("low_loss_looks", "history", "warmup"):
            validation.integer(name, getattr(self, name), 1)

    def judge(
        self,
        look: Inspection,
        healthy: Sequence[Inspection],
        low_before: int = 0,
        real: Mapping[str, float] | None = None,
    ) -> tuple[Verdict, int]:
        """Judge a look.

        Args:
            look: `Inspection`.
            healthy: list of the healthy `Inspection`s so far, oldest first.
            low_before: looks right before this one whose loss was low.
            real: dict of kinds of variety to that of real images, or `None`.

        Returns:
            (`Verdict`, looks with a low loss up to now, one after the other).
        """
        alarms = _not_finite(look)
        if alarms or len(healthy) < self.warmup:
            return Verdict(tuple(alarms)), 0
        recent = healthy[-self.history :]
        losses = [past.critic_loss for past in recent]
        low, doubts = 0, []
        if self._low(look.critic_loss, losses):
            low = low_before + 1
            reason = f"critic's loss {_short(look.critic_loss)}, {_share(look.critic_loss, np.median(losses))}"
            if low >= self.low_loss_looks:
                alarms.append(f"{reason}, low for {low} looks")
            else:
                doubts.append(f"{reason}, low for {low} of {self.low_loss_looks} looks")
        alarms += self._jump(look.critic_loss, losses)
        alarms += self._growth(look.sigma0, recent)
        alarms += self._lost(look.variety, recent, real or {})
        return Verdict(tuple(alarms), tuple(doubts)), low

    def _low(self, loss, losses):
        median = np.median(losses)
        return self.low_loss is not None and median > 0 and loss < self.low_loss * median

    def _jump(self, loss, losses):
        median, scale = np.median(losses), np.median(np.abs(losses))
        if self.loss_jump is not None and abs(loss - median) > self.loss_jump * scale:
            yield f"critic's loss {_short(loss)}, more than {self.loss_jump:g} x {_short(scale)} from its median"

    def _growth(self, sigma0, recent):
        if self.sigma_growth is None or not sigma0:
            return
        medians = {name: np.median([past.sigma0[name] for past in recent]) for name in sigma0}
        grown = {name: value for name, value in sigma0.items() if value > self.sigma_growth * medians[name]}
        if grown:
            worst = max(grown, key=lambda name: grown[name] / max(medians[name], 1e-300))
            others = f", and {len(grown) - 1} more" if len(grown) > 1 else ""
            yield f"sigma0 of {worst} {_short(grown[worst])}, its median was {_short(medians[worst])}{others}"

    def _lost(self, variety, recent, real):
        for kind, value in variety.items():
            median = np.median([past.variety[kind] for past in recent])
            if self.variety_share is not None and value < self.variety_share * median:
                yield f"{kind} {_short(value)}, {_share(value, median)}"
            if self.real_share is not None and kind in real and value < self.real_share * real[kind]:
                yield f"{kind} {_short(value)}, {value / real[kind]:.0%} of real images' {_short(real[kind])}"


def _check(name, value, least, most, expected):
    if value is not None and not least < value < most:
        raise ValueError(f"{name}: expected {expected}; got {quoted(value)}")


def _not_finite(look):
    values = {"critic's loss": look.critic_loss}
    values |= {f"sigma0 of {name}": value for name, value in look.sigma0.items()}
    values |= look.variety
    return [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]


def _short(value):
    return f"{value:.3g}"


def _share(value, median):
    return f"{value / median:.0%} of its median {_short(median)}"
