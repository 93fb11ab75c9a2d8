"""What an exported file tells of its generator, as JSON: enough to draw latents for it and to name classes."""

from keras import ops

from kerasgan import latents
from kerasgan.utils.version import __version__

INT8_LEVELS = "int8_levels"  # the largest difference that was measured, in levels of 255
KEY = "kerasgan"  # of ONNX's metadata; LiteRT's file is kerasgan.json
_OF_KERAS = ("name", "trainable")  # which the latents do not depend on
_DRAWN = (latents.Normal, latents.Uniform, latents.ScaledTruncatedNormal, latents.GaussianMixture)


def facts(gan):
    """Return a dict of what JSON has.

    Args:
        gan: a `kerasgan.Sampler`.

    Returns:
        `kerasgan`, the version that wrote the file; `prior`, which `kerasgan.seeds.draw` takes, `None` where it is of a
        class that is not kerasgan's; `num_classes` and `class_names`, `None` without; `image_shape`.
    """
    return {
        "kerasgan": __version__,
        "prior": _prior(gan.sampling_latent),
        "num_classes": gan.num_classes,
        "class_names": None if gan.class_names is None else list(gan.class_names),
        "image_shape": list(gan.image_shape),
    }


def _prior(prior):
    if type(prior) not in _DRAWN:
        return None
    arguments = {name: value for name, value in prior.get_config().items() if name not in _OF_KERAS}
    weights = {variable.name: ops.convert_to_numpy(variable.value).tolist() for variable in prior.variables}
    return {"prior": type(prior).__name__, **arguments, **weights}
