"""Measures of generated data."""

from kerasgan.metrics import divergences, frechet, inception_score, modes, moments, variety

__all__ = ["divergences", "frechet", "inception_score", "modes", "moments", "variety"]
