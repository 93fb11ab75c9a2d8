"""What a collapse guard does when it raises an alarm: one class each."""

from typing import TYPE_CHECKING

from keras import ops

from kerasgan.models import optimizer_checks
from kerasgan.models.gan import GAN
from kerasgan.utils import validation

if TYPE_CHECKING:
    from kerasgan.callbacks.collapse_guard import CollapseGuard

_WHO = "the guard's action"


class Action:
    """Base of the actions; by itself it only warns, as the guard prints and logs every alarm.

    A subclass overrides `act`, and `check` where it asks something of the training.
    """

    def check(self, gan: GAN) -> None:
        """Raise `ValueError` if the action cannot be done in the training of this compiled `GAN`, which begins."""

    def act(self, guard: "CollapseGuard") -> str:
        """Act on an alarm of a `CollapseGuard`; return what was done, in words, empty if nothing was."""
        return ""


class Warn(Action):
    """Let the training go on; alarms are printed and logged."""


class Stop(Action):
    """End `fit`."""

    def act(self, guard: "CollapseGuard") -> str:
        """End `fit`."""
        guard.model.stop_training = True
        return "training stops"


class RollBack(Action):
    """Go back to a healthy checkpoint with lower learning rates, and train on.

    Weights, optimizers, the generator's average and the techniques' state go back, to the oldest checkpoint that the
    guard keeps: the newest may have been written when the collapse had begun. The step count does not go back, so that
    the steps taken again draw fresh noise (random numbers are keyed by step), the data go on, and every log stays in
    order. After a roll-back both learning rates are those of before it, times `factor`.

    Args:
        factor: what both learning rates are multiplied by, in (0, 1].
        max_rollbacks: roll-backs in one `fit`; the next alarm ends it.

    Raises:
        ValueError: if a number is out of its range; when training begins, if a learning rate is a schedule.
    """

    def __init__(self, factor: float = 0.5, max_rollbacks: int = 3):
        self.factor = validation.number("factor", factor, lambda it: 0 < it <= 1, "a number in (0, 1]")
        self.max_rollbacks = validation.integer("max_rollbacks", max_rollbacks, 1)
        self.rollbacks = 0

    def check(self, gan: GAN) -> None:
        """Both learning rates must be numbers; begins to count."""
        optimizer_checks.rate_can_be_set("generator", gan, _WHO)
        optimizer_checks.rate_can_be_set("critic", gan, _WHO)
        self.rollbacks = 0

    def act(self, guard: "CollapseGuard") -> str:
        """Go back, or end `fit` if that was done often enough or there is nothing to go back to."""
        if self.rollbacks == self.max_rollbacks:
            guard.model.stop_training = True
            return f"training stops after {self.rollbacks} roll-backs"
        optimizers = guard.model.generator_optimizer, guard.model.critic_optimizer
        rates = [float(ops.convert_to_numpy(optimizer.learning_rate)) * self.factor for optimizer in optimizers]
        step = guard.restore()
        if step is None:
            guard.model.stop_training = True
            return "training stops, as there is no healthy checkpoint to roll back to"
        for optimizer, rate in zip(optimizers, rates):
            optimizer.learning_rate = rate
        self.rollbacks += 1
        return f"rolled back to step {step}, learning rates {rates[0]:.3g} and {rates[1]:.3g}"


class _Freeze(Action):
    """Set a side's learning rate and momentum to 0 at the first alarm."""

    side = ""

    def check(self, gan: GAN) -> None:
        """The side's learning rate must be a number."""
        optimizer_checks.rate_can_be_set(self.side, gan, _WHO)

    def act(self, guard: "CollapseGuard") -> str:
        """Set learning rate and momentum to 0."""
        optimizer = getattr(guard.model, f"{self.side}_optimizer")
        if float(ops.convert_to_numpy(optimizer.learning_rate)) == 0.0:
            return ""
        optimizer.learning_rate = 0.0
        for slot in optimizer.variables:
            if "momentum" in slot.path.rpartition("/")[2]:  # of SGD and RMSprop it moves weights by itself
                slot.assign(ops.zeros_like(slot))
        return f"froze the {self.side}: its learning rate is 0"


class FreezeGenerator(_Freeze):
    """Set the generator's learning rate to 0, and train the critic on (arXiv:1809.11096, section 4.2).

    Its trainable weights (and the prior's) then stay; its batch-norm statistics and its moving average go on moving.
    """

    side = "generator"


class FreezeCritic(_Freeze):
    """Set the critic's learning rate to 0, and train the generator on (arXiv:1809.11096, section 4.2).

    Its trainable weights then stay; statistics and singular vectors that its layers keep go on moving. Weights that an
    objective changes without the optimizer, as WGAN does when it clips, are not frozen.
    """

    side = "critic"
