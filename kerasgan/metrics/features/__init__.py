"""Feature networks by name: what images are judged by. `load` makes one; each has a file of its own."""

import dataclasses
import importlib
import pathlib

import keras

from kerasgan.metrics.features.network import FeatureNetwork
from kerasgan.utils.annotations import Path
from kerasgan.utils.messages import did_you_mean, quoted
from kerasgan.utils.tf_runtime import FeaturePrecision

# the name, which stands in the name of every number, and the file that makes it
_MODULES = {
    "garments": "garments",
    "cifar10": "cifar10",
    "efficientnet-lite0": "efficientnet_lite0",
    "efficientnet-lite0-224": "efficientnet_lite0",
    "inception-2015": "inception_2015",
    "inception-2015-pytorch-fid": "inception_2015",
    "inception-2015-clean": "inception_2015",
    "keras-inception-v3": "keras_inception_v3",
}
NAMES = tuple(_MODULES)

__all__ = ["NAMES", "FeatureNetwork", "load"]


def load(name: str, weights: Path | None = None, precision: FeaturePrecision = "float32") -> FeatureNetwork:
    """Make a feature network.

    Args:
        name: one of `NAMES`, or the path of a `.keras` file, see `kerasgan.metrics.features.own`.
        weights: path of its weights, for those that take them; `None` for the network's own way to them.
        precision: in which it computes, whatever Keras's policy and `kerasgan.precision`, see `FeatureNetwork`; numbers
            of "bfloat16" say so.

    Returns:
        `FeatureNetwork`.

    Raises:
        ValueError: if there is no network of that name, it takes no weights, or they are not its own; or the precision
            cannot be had.
        FileNotFoundError: if the weights are not there.
        ConnectionError: if they must be downloaded and cannot be.
        ImportError: naming the package that is not installed.
    """
    module = importlib.import_module(f"{__name__}.{check(name)}")
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("float32")
    try:
        network = module.load(str(name), None if weights is None else pathlib.Path(weights))
        return network if precision == "float32" else dataclasses.replace(network, precision=precision)
    finally:
        keras.mixed_precision.set_global_policy(policy)


def check(name: Path) -> str:
    """Return the file here that makes a network of this name.

    Raises:
        ValueError: if there is none.
    """
    module = _MODULES.get(name, "own" if str(name).endswith(".keras") else None)
    if module is None:
        hint = did_you_mean(name, NAMES)
        raise ValueError(
            f"features: expected one of {', '.join(NAMES)}, or a .keras file; got {quoted(name)}"
            + (f"; {hint}" if hint else "")
        )
    return module
