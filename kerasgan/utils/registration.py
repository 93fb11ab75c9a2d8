"""Keras finds kerasgan's classes by their registered names, whichever of the two is imported first.

A file of Keras names classes; `import kerasgan` is to stay quick and to leave TensorFlow alone. So Keras is given
stand-ins, each of which imports its class when a file names it.
"""

import importlib

import wrapt

CLASSES = {  # by the module that has them; all that are registered
    "kerasgan.models.sampler": ("Sampler",),
    "kerasgan.optimizers": ("Adam", "Cosine", "HalfLife", "ScheduledAdam"),
    "kerasgan.objectives": (
        "ACWGANGP",
        "BigGAN",
        "CramerGAN",
        "HingeGAN",
        "LSGAN",
        "ProjectedGAN",
        "R3GAN",
        "RSGAN",
        "RaHinge",
        "RaLSGAN",
        "RaSGAN",
        "SGAN",
        "TSGAN",
        "TWGAN",
        "WGAN",
        "WGANGP",
    ),
    "kerasgan.techniques": (
        "AdaptiveAugmentation",
        "AuxiliaryClassifier",
        "AveragedCritic",
        "Dequantization",
        "DiffAugment",
        "FeatureMatching",
        "GradientPenalty",
        "HistoricalAveraging",
        "InstanceNoise",
        "OrthogonalRegularization",
        "R1",
        "R2",
        "SingularValueClamp",
        "SingularValuePenalty",
    ),
    "kerasgan.latents": ("GaussianMixture", "Normal", "ScalePenalty", "ScaledTruncatedNormal", "Uniform"),
    "kerasgan.layers": (
        "Add",
        "BatchNormalization",
        "Characters",
        "ConditionalBatchNormalization",
        "Downsampling",
        "DropReference",
        "GroupedConv2D",
        "MinibatchDiscrimination",
        "ModulatedBatchNormalization",
        "NoiseInjection",
        "PlaceWeights",
        "ReferenceBatch",
        "SampleNormalization",
        "SelfAttention",
        "SpectralNormalization",
        "StoredBatchNormalization",
        "Upsampling",
        "UnitGain",
        "VirtualBatchNormalization",
        "WeightNormalization",
    ),
    "kerasgan.networks": ("PairwiseCritic",),
    "kerasgan.networks.projected": ("ProjectedFeatures",),
}


class _StandIn:
    """What Keras finds under a registered name until the class is imported, which then takes its place."""

    def __init__(self, module, name):
        self._module, self._name = module, name

    @property
    def stands_for(self):
        """The class."""
        return getattr(importlib.import_module(self._module), self._name)

    def from_config(self, config):
        """Make an object of the class."""
        return self.stands_for.from_config(config)


def with_keras():
    """Register the stand-ins now, if Keras is imported, or else as soon as it is."""
    wrapt.register_post_import_hook(_register, "keras")


def found(registered_name):
    """Return the class, or function, that Keras finds under a registered name; `None` if there is none."""
    import keras

    known = keras.saving.get_registered_object(registered_name)
    return known.stands_for if isinstance(known, _StandIn) else known


def _register(keras):
    known = keras.saving.get_custom_objects()
    for module, names in CLASSES.items():
        for name in names:
            known.setdefault(f"kerasgan>{name}", _StandIn(module, name))
