"""Adam in fewer operations, and with numbers that follow the training step; and the schedules that they follow."""

from kerasgan.optimizers.adam import Adam
from kerasgan.optimizers.scheduled_adam import ScheduledAdam
from kerasgan.optimizers.schedules import Cosine, HalfLife

__all__ = ["Adam", "Cosine", "HalfLife", "ScheduledAdam"]
