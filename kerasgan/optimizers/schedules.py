"""Numbers that follow the training step: cosine schedules beside those of Keras, and how arguments take them."""

import math
import numbers

import keras
from keras import ops

from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.messages import quoted
from kerasgan.utils.tensors import Tensor

__all__ = ["Cosine", "HalfLife", "Schedule"]

Schedule = keras.optimizers.schedules.LearningRateSchedule


class _AlongCosine(Schedule):
    """Base of schedules that move from `start` to `end` along half a cosine, and stay there."""

    def __init__(self, start: float, end: float, steps: int):
        super().__init__()
        for name, value in (("start", start), ("end", end)):
            if not (isinstance(value, numbers.Real) and 0 <= value < math.inf):
                raise ValueError(f"{name}: expected a finite number of at least 0; got {quoted(value)}")
        self.start, self.end = start, end
        self.steps = validation.integer("steps", steps, 1)

    def along(self, step: Tensor | int) -> Tensor:
        """Return the number at a step, a float32 scalar."""
        share = ops.minimum(ops.cast(step, "float32") / self.steps, 1.0)
        return self.end + (self.start - self.end) * (1.0 + ops.cos(math.pi * share)) / 2.0

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {"start": self.start, "end": self.end, "steps": self.steps}


@keras.saving.register_keras_serializable(package="kerasgan")
class Cosine(_AlongCosine):
    """end + (start - end) (1 + cos(pi t / steps)) / 2 at step t, and `end` from step `steps` on.

    Unlike `keras.optimizers.schedules.CosineDecay`, whose end is a share of its start, it may rise, and begin at 0.

    Args:
        start: the number at step 0, at least 0.
        end: the number from step `steps` on, at least 0.
        steps: training steps between the two, at least 1.

    Raises:
        ValueError: if an argument is none of the above.

    Example:
        >>> [float(kerasgan.schedules.Cosine(0.9, 0.99, 100)(step)) for step in (0, 50, 200)]  # 0.9, 0.945, 0.99
    """

    def __call__(self, step: Tensor | int) -> Tensor:
        """Return the number at a step, a float32 scalar."""
        return self.along(step)


@keras.saving.register_keras_serializable(package="kerasgan")
class HalfLife(_AlongCosine):
    """The decay of a moving average whose half-life h moves along a `Cosine`: 2^(-1/h) at each step, 0 where h is 0.

    Args:
        start: half-life at step 0, in training steps, at least 0. One in images is divided by the batch size.
        end: half-life from step `steps` on, in training steps, at least 0.
        steps: training steps between the two, at least 1.

    Raises:
        ValueError: if an argument is none of the above.
    """

    def __call__(self, step: Tensor | int) -> Tensor:
        """Return the decay at a step, a float32 scalar in [0, 1)."""
        return ops.power(0.5, 1.0 / ops.maximum(self.along(step), 1e-8))


def check(name: str, value: float | Schedule) -> None:
    """Raise `ValueError` unless the value of an argument is a number of at least 0, or a schedule."""
    if not isinstance(value, Schedule) and not (isinstance(value, numbers.Real) and value >= 0):
        raise ValueError(f"{name}: expected a number of at least 0, or a schedule; got {quoted(value)}")


def at(value: float | Schedule, step: Tensor | int) -> Tensor:
    """Return a number, or what a schedule says at a step, as a float32 scalar."""
    return ops.cast(value(step) if isinstance(value, Schedule) else value, "float32")


def serialized(value: float | Schedule | None) -> float | Config | None:
    """Return what a config holds of a number or a schedule."""
    return keras.saving.serialize_keras_object(value) if isinstance(value, Schedule) else value


def deserialized(value: float | Config | None) -> float | Schedule | None:
    """Return the number or the schedule that `serialized` had."""
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value
