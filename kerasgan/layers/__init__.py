"""Layers that Keras does not have, one file a layer."""

from kerasgan.layers.characters import Characters
from kerasgan.layers.conditional_batch_norm import ConditionalBatchNormalization
from kerasgan.layers.grouped_convolution import GroupedConv2D
from kerasgan.layers.minibatch_discrimination import MinibatchDiscrimination
from kerasgan.layers.modulated_batch_norm import ModulatedBatchNormalization
from kerasgan.layers.place_weights import PlaceWeights
from kerasgan.layers.resampling import Downsampling, Upsampling
from kerasgan.layers.sample_norm import SampleNormalization
from kerasgan.layers.self_attention import SelfAttention
from kerasgan.layers.spectral_normalization import SpectralNormalization
from kerasgan.layers.stored_batch_norm import StoredBatchNormalization
from kerasgan.layers.virtual_batch_norm import DropReference, ReferenceBatch, VirtualBatchNormalization

__all__ = [
    "Characters",
    "ConditionalBatchNormalization",
    "Downsampling",
    "DropReference",
    "GroupedConv2D",
    "MinibatchDiscrimination",
    "ModulatedBatchNormalization",
    "PlaceWeights",
    "ReferenceBatch",
    "SampleNormalization",
    "SelfAttention",
    "SpectralNormalization",
    "StoredBatchNormalization",
    "Upsampling",
    "VirtualBatchNormalization",
]
