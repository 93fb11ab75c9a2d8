"""Keras callbacks: grids, logs, checkpoints, progress, singular values, measuring, a guard; an adapter for others."""

from kerasgan.callbacks.adapted import Adapted
from kerasgan.callbacks.checkpoint import Checkpoint
from kerasgan.callbacks.collapse_actions import FreezeCritic, FreezeGenerator, RollBack, Stop, Warn
from kerasgan.callbacks.collapse_guard import CollapseGuard
from kerasgan.callbacks.collapse_rule import CollapseRule
from kerasgan.callbacks.evaluate_gan import EvaluateGAN
from kerasgan.callbacks.every import EverySteps
from kerasgan.callbacks.finite import FiniteLosses
from kerasgan.callbacks.metrics_log import MetricsLog
from kerasgan.callbacks.progress import Progress
from kerasgan.callbacks.sample_grid import SampleGrid
from kerasgan.callbacks.singular_values import SingularValues
from kerasgan.callbacks.stop_at import StopAt

__all__ = [
    "Adapted",
    "Checkpoint",
    "CollapseGuard",
    "CollapseRule",
    "EvaluateGAN",
    "EverySteps",
    "FiniteLosses",
    "FreezeCritic",
    "FreezeGenerator",
    "MetricsLog",
    "Progress",
    "RollBack",
    "SampleGrid",
    "SingularValues",
    "Stop",
    "StopAt",
    "Warn",
]
