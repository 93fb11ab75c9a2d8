"""Measures of generated data."""

from kerasgan.metrics import divergences, frechet, inception_score, modes, variety

__all__ = ["divergences", "frechet", "inception_score", "modes", "variety"]
