"""Layers that Keras does not have, one file a layer."""

from kerasgan.layers.conditional_batch_norm import ConditionalBatchNormalization
from kerasgan.layers.spectral_normalization import SpectralNormalization

__all__ = ["ConditionalBatchNormalization", "SpectralNormalization"]
