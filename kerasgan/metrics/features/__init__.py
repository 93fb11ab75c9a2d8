"""Feature networks by name: what images are judged by. `load` makes one; each has a file of its own."""

import importlib
import pathlib

import keras

from kerasgan.metrics.features.network import FeatureNetwork

# the name, which stands in the name of every number, and the file that makes it
_MODULES = {"garments": "garments"}
NAMES = tuple(_MODULES)

__all__ = ["NAMES", "FeatureNetwork", "load"]


def load(name: str, weights=None) -> FeatureNetwork:
    """Make a feature network.

    Args:
        name: one of `NAMES`.
        weights: path of its weights, for those that take them; `None` for the network's own way to them.

    Returns:
        `FeatureNetwork`, which computes in float32 whatever Keras's policy.

    Raises:
        ValueError: if there is no network of that name, it takes no weights, or they are not its own.
        FileNotFoundError: if the weights are not there.
        ConnectionError: if they must be downloaded and cannot be.
        ImportError: naming the package that is not installed.
    """
    if name not in NAMES:
        raise ValueError(f"features: expected one of {', '.join(NAMES)}; got {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        return module.load(name, None if weights is None else pathlib.Path(weights))
    finally:
        keras.mixed_precision.set_global_policy(policy)
