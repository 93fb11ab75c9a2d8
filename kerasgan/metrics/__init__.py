"""Measures of generated data."""

from kerasgan.metrics import (
    divergences,
    frechet,
    inception_score,
    intra_class,
    kernel_distance,
    modes,
    moments,
    ms_ssim,
    neighbours,
    result,
    sliced_wasserstein,
    statistics,
    variety,
)

__all__ = [
    "divergences",
    "frechet",
    "inception_score",
    "intra_class",
    "kernel_distance",
    "modes",
    "moments",
    "ms_ssim",
    "neighbours",
    "result",
    "sliced_wasserstein",
    "statistics",
    "variety",
]
