"""Optimizers whose numbers follow the training step, and the schedules that they follow."""

from kerasgan.optimizers.scheduled_adam import ScheduledAdam
from kerasgan.optimizers.schedules import Cosine, HalfLife

__all__ = ["Cosine", "HalfLife", "ScheduledAdam"]
