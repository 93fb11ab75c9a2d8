"""Measures of generated data."""

from kerasgan.metrics import (
    class_accuracy,
    divergences,
    diversity,
    features,
    frechet,
    inception_score,
    intra_class,
    kernel_distance,
    modes,
    ms_ssim,
    ngrams,
    precision_recall,
    sliced_wasserstein,
)
from kerasgan.metrics.evaluation import extraction, measures, moments, moments_file, result, statistics_file
from kerasgan.metrics.evaluation.evaluator import evaluate, evaluate_images, evaluate_set
from kerasgan.metrics.evaluation.keras_metric import FrechetDistance
from kerasgan.metrics.evaluation.reference import Reference
from kerasgan.metrics.evaluation.statistics_file import StatisticsReference

__all__ = [
    "FrechetDistance",
    "Reference",
    "StatisticsReference",
    "class_accuracy",
    "divergences",
    "evaluate",
    "evaluate_images",
    "evaluate_set",
    "extraction",
    "features",
    "frechet",
    "inception_score",
    "intra_class",
    "kernel_distance",
    "measures",
    "modes",
    "moments",
    "ms_ssim",
    "precision_recall",
    "ngrams",
    "result",
    "sliced_wasserstein",
    "moments_file",
    "statistics_file",
    "diversity",
]
