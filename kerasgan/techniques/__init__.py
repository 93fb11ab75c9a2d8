"""Plug-ins for any objective, given to it as `techniques=[...]`; one file each."""

from kerasgan.techniques.feature_matching import FeatureMatching
from kerasgan.techniques.historical_averaging import HistoricalAveraging
from kerasgan.techniques.instance_noise import InstanceNoise

__all__ = ["FeatureMatching", "HistoricalAveraging", "InstanceNoise"]
