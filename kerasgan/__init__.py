"""kerasgan: GANs for Keras 3 on TensorFlow.

Names are imported on first use (PEP 562), so that `import kerasgan` and `kerasgan --help` stay quick and
do not load TensorFlow. Keras finds the classes by their registered names all the same: `kerasgan.utils.registration`.
"""

import importlib

from kerasgan.utils import backend, registration
from kerasgan.utils.version import __version__ as __version__

_MODULES = {
    "callbacks": "kerasgan.callbacks",
    "client": "kerasgan.client",
    "data": "kerasgan.data",
    "latents": "kerasgan.latents",
    "layers": "kerasgan.layers",
    "metrics": "kerasgan.metrics",
    "networks": "kerasgan.networks",
    "objectives": "kerasgan.objectives",
    "optimizers": "kerasgan.optimizers",
    "pictures": "kerasgan.pictures",
    "schedules": "kerasgan.optimizers.schedules",
    "seeds": "kerasgan.seeds",
    "server": "kerasgan.server",
    "techniques": "kerasgan.techniques",
    "training": "kerasgan.training",
}
_WITHOUT_KERAS = ("client", "list_presets", "pictures", "seeds", "server")
_WITH_ANY_BACKEND = ("Sampler", "from_preset", "latents", "layers", "load", "networks")
_SINGLE = {
    "GAN": "kerasgan.models.gan",
    "Sampler": "kerasgan.models.sampler",
    "from_preset": "kerasgan.saving.presets",
    "list_presets": "kerasgan.saving.registry",
    "load": "kerasgan.saving.keras_file",
    "precision": "kerasgan.utils.precision",
    "standing_statistics": "kerasgan.models.standing_statistics",
}
_NAMES = _SINGLE | dict.fromkeys(registration.CLASSES["kerasgan.objectives"], "kerasgan.objectives")

__all__ = [*_MODULES, *_NAMES]


def __getattr__(name):
    if name in __all__ and name not in (*_WITHOUT_KERAS, *_WITH_ANY_BACKEND):
        backend.check(f"kerasgan.{name}")
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'kerasgan' has no attribute '{name}'")


def __dir__():
    return sorted([*globals(), *__all__])


registration.with_keras()
