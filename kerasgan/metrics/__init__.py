"""Measures of generated data."""

from kerasgan.metrics import divergences, inception_score, modes

__all__ = ["divergences", "inception_score", "modes"]
