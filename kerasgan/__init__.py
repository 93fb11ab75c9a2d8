"""kerasgan: GANs for Keras 3 on TensorFlow.

Names are imported on first use (PEP 562), so that `import kerasgan` and `kerasgan --help` stay quick and
do not load TensorFlow.
"""

import importlib

__version__ = "0.1.0.dev0"

_MODULES = (
    "callbacks",
    "client",
    "data",
    "latents",
    "layers",
    "metrics",
    "networks",
    "objectives",
    "pictures",
    "server",
    "techniques",
)
_OBJECTIVES = (
    "ACWGANGP",
    "BigGAN",
    "CramerGAN",
    "HingeGAN",
    "LSGAN",
    "RSGAN",
    "RaHinge",
    "RaLSGAN",
    "RaSGAN",
    "SGAN",
    "TSGAN",
    "TWGAN",
    "WGAN",
    "WGANGP",
)
_NAMES = {
    "GAN": "kerasgan.gan",
    "Sampler": "kerasgan.sampler",
    "from_preset": "kerasgan.presets",
    "load": "kerasgan.sampler",
    "standing_statistics": "kerasgan.standing",
    **dict.fromkeys(_OBJECTIVES, "kerasgan.objectives"),
}

__all__ = [*_MODULES, *_NAMES]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"kerasgan.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'kerasgan' has no attribute '{name}'")


def __dir__():
    return sorted([*globals(), *__all__])
