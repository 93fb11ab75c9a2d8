"""Layers that Keras does not have, one file a layer."""

from kerasgan.layers.add import Add
from kerasgan.layers.batch_norm import BatchNormalization
from kerasgan.layers.characters import Characters
from kerasgan.layers.conditional_batch_norm import ConditionalBatchNormalization
from kerasgan.layers.grouped_convolution import GroupedConv2D
from kerasgan.layers.minibatch_discrimination import MinibatchDiscrimination
from kerasgan.layers.modulated_batch_norm import ModulatedBatchNormalization
from kerasgan.layers.noise_injection import NoiseInjection
from kerasgan.layers.place_weights import PlaceWeights
from kerasgan.layers.resampling import Downsampling, Upsampling
from kerasgan.layers.sample_norm import SampleNormalization
from kerasgan.layers.self_attention import SelfAttention
from kerasgan.layers.spectral_normalization import SpectralNormalization
from kerasgan.layers.stored_batch_norm import StoredBatchNormalization
from kerasgan.layers.unit_gain import UnitGain
from kerasgan.layers.virtual_batch_norm import DropReference, ReferenceBatch, VirtualBatchNormalization
from kerasgan.layers.weight_normalization import WeightNormalization

__all__ = [
    "Add",
    "BatchNormalization",
    "Characters",
    "ConditionalBatchNormalization",
    "Downsampling",
    "DropReference",
    "GroupedConv2D",
    "MinibatchDiscrimination",
    "ModulatedBatchNormalization",
    "PlaceWeights",
    "NoiseInjection",
    "ReferenceBatch",
    "SampleNormalization",
    "SelfAttention",
    "SpectralNormalization",
    "StoredBatchNormalization",
    "Upsampling",
    "UnitGain",
    "VirtualBatchNormalization",
    "WeightNormalization",
]
