"""Measures of generated data."""

from kerasgan.metrics import (
    divergences,
    extraction,
    features,
    frechet,
    inception_score,
    intra_class,
    kernel_distance,
    measures,
    modes,
    moments,
    ms_ssim,
    neighbours,
    ngrams,
    result,
    sliced_wasserstein,
    statistics,
    variety,
)
from kerasgan.metrics.evaluator import evaluate, evaluate_images
from kerasgan.metrics.frechet_metric import FrechetDistance
from kerasgan.metrics.reference import Reference

__all__ = [
    "FrechetDistance",
    "Reference",
    "divergences",
    "evaluate",
    "evaluate_images",
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
    "neighbours",
    "ngrams",
    "result",
    "sliced_wasserstein",
    "statistics",
    "variety",
]
