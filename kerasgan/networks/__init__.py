"""Generators and critics: plain functions with explicit arguments that return `keras.Model`s, one file a family."""

from kerasgan.networks import dcgan

__all__ = ["dcgan"]
