"""Keras callbacks: sample grids, metrics logs, checkpoints, progress."""

from kerasgan.callbacks.checkpoint import Checkpoint
from kerasgan.callbacks.every import EverySteps
from kerasgan.callbacks.finite import FiniteLosses
from kerasgan.callbacks.metrics_log import MetricsLog
from kerasgan.callbacks.progress import Progress
from kerasgan.callbacks.sample_grid import SampleGrid
from kerasgan.callbacks.stop_at import StopAt

__all__ = ["Checkpoint", "EverySteps", "FiniteLosses", "MetricsLog", "Progress", "SampleGrid", "StopAt"]
