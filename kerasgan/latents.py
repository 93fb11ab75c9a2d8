"""Where the latent z comes from: priors that turn uniform numbers into latents.

A prior is a map from uniform numbers to latents. Training feeds it numbers keyed by step, sampling and serving
feed it numbers keyed by each image's seed, and it need not know which.
"""

import math

import keras
from keras import ops

from kerasgan import arguments

_NO_BOUND = 40.0  # P(|z| > 40) is 0 in float64


class Prior(keras.layers.Layer):
    """Base of the priors.

    Subclasses set `dim` (numbers in a latent) and `uniforms` (uniform numbers needed for one latent) and define
    `call(uniforms, truncation)`.

    Args:
        dim: positive integer, the length of a latent.
        name: optional layer name.

    Raises:
        ValueError: if `dim` is not a positive integer.
    """

    def __init__(self, dim: int = 128, name: str | None = None):
        super().__init__(name=name, autocast=False)
        self.dim = self.uniforms = arguments.integer("dim", dim, 1)
        self.built = True

    def get_config(self):
        """Return the constructor's arguments."""
        return {"dim": self.dim, "name": self.name}


@keras.saving.register_keras_serializable(package="kerasgan")
class Normal(Prior):
    """Standard normal latents, z ~ N(0, I).

    With truncation t each number is drawn from the normal distribution given |z| <= t: the same distribution as
    drawing again until the number falls inside the bound (Brock, Donahue and Simonyan 2019, arXiv:1809.11096,
    section 3.1), here by the inverse of the distribution function, so that one uniform number gives one latent
    and an image changes smoothly with t.
    """

    def call(self, uniforms, truncation=None):
        """Turn uniform numbers into latents.

        Args:
            uniforms: float64 tensor [N, dim], strictly between 0 and 1.
            truncation: `None` (no bound), or positive bounds as a float tensor [N].

        Returns:
            float32 tensor [N, dim].
        """
        centred = 2.0 * uniforms - 1.0
        if truncation is not None:
            bound = ops.minimum(ops.cast(truncation, "float64"), _NO_BOUND)  # TensorFlow's erf(inf) is NaN
            inside = ops.erf(bound / math.sqrt(2.0))  # P(|z| <= t)
            centred = centred * inside[:, None]
        return ops.cast(math.sqrt(2.0) * ops.erfinv(centred), "float32")


@keras.saving.register_keras_serializable(package="kerasgan")
class Uniform(Prior):
    """Latents uniform in [-1, 1]; with truncation t, uniform in [-min(t, 1), min(t, 1)]."""

    def call(self, uniforms, truncation=None):
        """Turn uniform numbers into latents.

        Args:
            uniforms: float64 tensor [N, dim], strictly between 0 and 1.
            truncation: `None` (no bound), or positive bounds as a float tensor [N].

        Returns:
            float32 tensor [N, dim].
        """
        latents = 2.0 * uniforms - 1.0
        if truncation is not None:
            latents = latents * ops.minimum(ops.cast(truncation, "float64"), 1.0)[:, None]
        return ops.cast(latents, "float32")
