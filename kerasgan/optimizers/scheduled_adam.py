"""Adam with schedules for more than the learning rate."""

from collections.abc import Mapping
from typing import Any, Self

import keras
from keras import ops

from kerasgan.optimizers import schedules
from kerasgan.optimizers.adam import Adam
from kerasgan.optimizers.schedules import Schedule
from kerasgan.utils.annotations import Config
from kerasgan.utils.messages import quoted
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class ScheduledAdam(Adam):
    """Adam whose beta_2 may follow a schedule, as R3GAN's does (arXiv:2501.05441).

    The correction for the moments' start at 0 is that of the beta_2 of the step, 1 - beta_2^t, as if it had been so
    from the beginning; PyTorch's Adam does the same when its betas are changed.

    Args:
        learning_rate: number, or a `keras.optimizers.schedules.LearningRateSchedule`.
        beta_1: decay of the first moments, in [0, 1).
        beta_2: decay of the second moments, in [0, 1); or a schedule from the optimizer's step to it.
        epsilon: see `keras.optimizers.Adam`.
        **arguments: of `keras.optimizers.Adam`.

    Raises:
        ValueError: if beta_2 is a number outside [0, 1).
    """

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float | Schedule = 0.999,
        epsilon: float = 1e-8,
        **arguments,
    ):
        schedules.check("beta_2", beta_2)
        if not isinstance(beta_2, Schedule) and not beta_2 < 1:
            raise ValueError(f"beta_2: expected a number in [0, 1), or a schedule; got {quoted(beta_2)}")
        super().__init__(learning_rate=learning_rate, beta_1=beta_1, epsilon=epsilon, **arguments)
        self.schedule = beta_2

    @property
    def beta_2(self) -> float | Tensor:
        """What beta_2 is in the present step; a number where it is one."""
        scheduled = isinstance(self.schedule, Schedule)
        return self.schedule(ops.cast(self.iterations, "float32")) if scheduled else self.schedule

    @beta_2.setter
    def beta_2(self, value: float | Schedule) -> None:
        self.schedule = value

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "beta_2": schedules.serialized(self.schedule)}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Make an optimizer of a `get_config`."""
        return super().from_config({**config, "beta_2": schedules.deserialized(config["beta_2"])}, custom_objects)
