"""Plug-ins for any objective, given to it as `techniques=[...]`; one file each."""

from kerasgan.techniques.adaptive_augmentation import AdaptiveAugmentation
from kerasgan.techniques.auxiliary_classifier import AuxiliaryClassifier
from kerasgan.techniques.averaged_critic import AveragedCritic
from kerasgan.techniques.dequantization import Dequantization
from kerasgan.techniques.diff_augment import DiffAugment
from kerasgan.techniques.feature_matching import FeatureMatching
from kerasgan.techniques.gradient_penalties import R1, R2, GradientPenalty
from kerasgan.techniques.historical_averaging import HistoricalAveraging
from kerasgan.techniques.instance_noise import InstanceNoise
from kerasgan.techniques.orthogonal_regularization import OrthogonalRegularization
from kerasgan.techniques.singular_value_clamp import SingularValueClamp
from kerasgan.techniques.singular_value_penalty import SingularValuePenalty
from kerasgan.techniques.technique import Technique

__all__ = [
    "R1",
    "R2",
    "AuxiliaryClassifier",
    "AveragedCritic",
    "Dequantization",
    "AdaptiveAugmentation",
    "DiffAugment",
    "FeatureMatching",
    "GradientPenalty",
    "HistoricalAveraging",
    "InstanceNoise",
    "OrthogonalRegularization",
    "SingularValueClamp",
    "SingularValuePenalty",
    "Technique",
]
