"""Where the latent z comes from: priors that turn uniform numbers into latents.

A prior is a map from uniform numbers to latents. Training feeds it numbers keyed by step, sampling and serving
feed it numbers keyed by each image's seed, and it need not know which.
"""

import math
from collections.abc import Callable
from typing import Self

import keras
from keras import ops

from kerasgan.utils import validation
from kerasgan.utils.annotations import Config
from kerasgan.utils.lasting import Lasting
from kerasgan.utils.tensors import Tensor

__all__ = [
    "GaussianMixture",
    "Normal",
    "Prior",
    "ScalePenalty",
    "ScaledTruncatedNormal",
    "Uniform",
    "between",
    "normal",
]

_NO_BOUND = 40.0  # P(|z| > 40) is 0 in float64


class Prior(Lasting, keras.layers.Layer):
    """Base of the priors.

    Subclasses set `dim` (numbers in a latent) and `uniforms` (uniform numbers needed for one latent) and define
    `call(uniforms, truncation, rows)`. Weights of a prior are trained with the generator. An argument that is set later
    counts from the next `fit` and the next sample on; where weights were made of it, a subclass names it in `lasting`,
    and to set it raises `ValueError`.

    Args:
        dim: positive integer, the length of a latent.
        name: optional layer name.

    Raises:
        ValueError: if `dim` is not a positive integer.
    """

    def __init__(self, dim: int = 128, name: str | None = None):
        super().__init__(name=name, dtype="float32", autocast=False)  # whatever the policy: seeds give these latents
        self.dim = self.uniforms = validation.integer("dim", dim, 1)
        self.built = True

    def generator_loss(self, gan: keras.Model, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return the function to use in place of the generator's `loss(real, *rest)`: for priors that learn more.

        Args:
            gan: `GAN` whose prior this is.
            loss: function of a real `Batch` and the purpose of the generated one.
        """
        return loss

    def get_config(self) -> Config:
        """Return the constructor's arguments, and whether the prior is trained."""
        return {"dim": self.dim, "name": self.name, "trainable": self.trainable}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return a prior, frozen if the one was of which this is the config."""
        arguments = dict(config)
        trainable = arguments.pop("trainable", True)
        prior = cls(**arguments)
        prior.trainable = trainable
        return prior


@keras.saving.register_keras_serializable(package="kerasgan")
class Normal(Prior):
    """Standard normal latents, z ~ N(0, I).

    With truncation t each number is drawn from the normal distribution given |z| <= t: the same distribution as
    drawing again until the number falls inside the bound (Brock, Donahue and Simonyan 2019, arXiv:1809.11096,
    section 3.1), here by the inverse of the distribution function, so that one uniform number gives one latent
    and an image changes smoothly with t.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, latent=kerasgan.latents.Normal(128))  # as without `latent`
    """

    def call(self, uniforms: Tensor, truncation: Tensor | None = None, rows: Tensor | None = None) -> Tensor:
        """Turn uniform numbers into latents.

        Args:
            uniforms: float64 tensor [N, dim], strictly between 0 and 1.
            truncation: `None` (no bound), or positive bounds as a float tensor [N].
            rows: not used.

        Returns:
            float32 tensor [N, dim].
        """
        return normal(uniforms, truncation)


@keras.saving.register_keras_serializable(package="kerasgan")
class ScaledTruncatedNormal(Prior):
    """t * eps with eps normal inside [-bound, bound]: the latents of DeepMind's published BigGAN-deep generators.

    Their truncation t, in (0, 1], scales latents that are always truncated at 2; no truncation is t = 1, and a larger t
    counts as 1. The paper (arXiv:1809.11096) truncates at t instead, as `Normal` does.

    Args:
        dim: length of a latent.
        bound: positive number.
        name: optional layer name.

    Raises:
        ValueError: if `bound` is not positive.

    Example:
        >>> prior = kerasgan.latents.ScaledTruncatedNormal(128, bound=2.0)
        >>> images = kerasgan.Sampler(generator, prior).sample(4, truncation=0.5)
    """

    def __init__(self, dim: int = 128, bound: float = 2.0, name: str | None = None):
        super().__init__(dim, name)
        validation.positive("bound", bound)
        self.bound = bound

    def call(self, uniforms: Tensor, truncation: Tensor | None = None, rows: Tensor | None = None) -> Tensor:
        """Turn uniform numbers into latents.

        Args:
            uniforms: float64 tensor [N, dim], strictly between 0 and 1.
            truncation: `None` (1), or positive factors as a float tensor [N].
            rows: not used.

        Returns:
            float32 tensor [N, dim].
        """
        latents = normal(uniforms, ops.full(ops.shape(uniforms)[:1], self.bound, "float32"))
        if truncation is None:
            return latents
        return ops.minimum(ops.cast(truncation, "float32"), 1.0)[:, None] * latents

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "bound": self.bound}


@keras.saving.register_keras_serializable(package="kerasgan")
class Uniform(Prior):
    """Latents uniform in [-1, 1]; with truncation t, uniform in [-min(t, 1), min(t, 1)].

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, latent=kerasgan.latents.Uniform(128))
    """

    def call(self, uniforms: Tensor, truncation: Tensor | None = None, rows: Tensor | None = None) -> Tensor:
        """Turn uniform numbers into latents.

        Args:
            uniforms: float64 tensor [N, dim], strictly between 0 and 1.
            truncation: `None` (no bound), or positive bounds as a float tensor [N].
            rows: not used.

        Returns:
            float32 tensor [N, dim].
        """
        latents = 2.0 * uniforms - 1.0
        if truncation is not None:
            latents = latents * ops.minimum(ops.cast(truncation, "float64"), 1.0)[:, None]
        return ops.cast(latents, "float32")


@keras.saving.register_keras_serializable(package="kerasgan")
class GaussianMixture(Prior):
    """DeLiGAN's latents: z = mu_i + sigma_i * eps with learned mu_i and sigma_i, equally likely components i.

    Gurumurthy, Sarvadevabhatla and Babu 2017, arXiv:1706.02071. Truncation bounds eps. With learned weights component i
    is drawn with probability p_i = softmax(weights)_i. A drawn component has no derivative, so the weights descend
    -E[D(G(z))] by the score function, E[-(D(G(z)) - mean) grad log p_i] (Williams 1992, REINFORCE): the loss of WGAN
    and hinge, and with SGAN's logits at their optimum the divergence KL(generated || real). It costs one more pass of
    both networks in each update of the generator.

    Args:
        dim: length of a latent.
        components: positive integer, the number of components; the paper uses 50 to 100.
        by_slot: whether in training row i of the batch comes from component i modulo `components`, as in the paper's
            code, rather than from a component drawn at random. Sampling and serving always draw.
        initial_scale: the sigma_i to start from; the mu_i start from U(-1, 1).
        scale_penalty: weight of mean((sigma - 1)^2), added to the generator's loss; keeps the sigma_i from 0.
        learned_weights: whether how likely the components are is learned too; all are equally likely at first. They
            learn of how the scores of a minibatch, or of its part on a replica or in an accumulation, differ: of a
            single row nothing.
        name: optional layer name.

    Raises:
        ValueError: if `components` is not a positive integer, `initial_scale` or `scale_penalty` is negative, or
            weights are to be learned of components that the slot decides.

    Example:
        >>> gan = kerasgan.SGAN(generator, critic, latent=kerasgan.latents.GaussianMixture(128, components=50))
        >>> tuple(gan.latent.means.shape)
        (50, 128)
    """

    lasting = ("components", "initial_scale", "learned_weights")

    def __init__(
        self,
        dim: int = 128,
        components: int = 50,
        by_slot: bool = False,
        initial_scale: float = 0.2,
        scale_penalty: float = 0.1,
        learned_weights: bool = False,
        name: str | None = None,
    ):
        super().__init__(dim, name)
        self.components = validation.integer("components", components, 1)
        validation.not_negative("initial_scale", initial_scale)
        validation.not_negative("scale_penalty", scale_penalty)
        self.by_slot = validation.boolean("by_slot", by_slot)
        self.learned_weights = validation.boolean("learned_weights", learned_weights)
        if by_slot and learned_weights:
            raise ValueError("learned_weights: expected False with by_slot=True, where no component is drawn; got True")
        self.initial_scale = initial_scale
        self.uniforms = dim + 1
        shape = (components, dim)
        self.means = self.add_weight(shape=shape, initializer=keras.initializers.RandomUniform(-1, 1), name="means")
        self.scales = self.add_weight(
            shape=shape,
            initializer=keras.initializers.Constant(initial_scale),
            regularizer=ScalePenalty(scale_penalty),
            name="scales",
        )
        if learned_weights:
            self.weights_of_components = self.add_weight(shape=(components,), initializer="zeros", name="weights")

    @property
    def scale_penalty(self) -> float:
        """Weight of mean((sigma - 1)^2)."""
        return self.scales.regularizer.weight

    @scale_penalty.setter
    def scale_penalty(self, weight: float) -> None:
        self.scales.regularizer.weight = weight

    def call(self, uniforms: Tensor, truncation: Tensor | None = None, rows: Tensor | None = None) -> Tensor:
        """Turn uniform numbers into latents.

        Args:
            uniforms: float64 tensor [N, dim + 1], strictly between 0 and 1.
            truncation: `None` (no bound), or positive bounds on eps as a float tensor [N].
            rows: in training, int tensor [N], the rows' places in the global batch; otherwise `None`.

        Returns:
            float32 tensor [N, dim].
        """
        noise = normal(uniforms[:, 1:], truncation)
        if self.by_slot and rows is not None:
            component = ops.cast(rows, "int32") % self.components
        else:
            component = self._component(uniforms[:, 0])
        return ops.take(self.means, component, axis=0) + ops.take(self.scales, component, axis=0) * noise

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "components": self.components,
            "by_slot": self.by_slot,
            "initial_scale": self.initial_scale,
            "scale_penalty": self.scale_penalty,
            "learned_weights": self.learned_weights,
        }

    def generator_loss(self, gan: keras.Model, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
        """Return the function of the generator's loss, which with learned weights has their gradient too."""
        if not self.learned_weights:
            return loss

        def with_weights(real, *rest):
            uniforms = gan.uniform(real, (self.uniforms,), "latents", "generator", *rest)
            chance = ops.log_softmax(self.weights_of_components)
            chance = ops.take(chance, self._component(uniforms[:, 0]))
            scores = ops.stop_gradient(ops.mean(gan.score(gan.fake(real, "generator", *rest)), axis=-1))
            surrogate = -ops.mean((scores - gan.global_mean(scores)) * chance)
            return loss(real, *rest) + surrogate - ops.stop_gradient(surrogate)  # its gradient, and not its value

        return with_weights

    def _component(self, uniforms):
        """Components int32 [N] of uniform numbers [N], by the inverse distribution function."""
        if not self.learned_weights:
            return ops.cast(ops.floor(uniforms * self.components), "int32")
        ends = ops.cumsum(ops.cast(ops.softmax(self.weights_of_components), "float64"))
        return ops.sum(ops.cast(uniforms[:, None] >= ends[:-1], "int32"), axis=1)  # what is above is the last's


@keras.saving.register_keras_serializable(package="kerasgan")
class ScalePenalty(keras.regularizers.Regularizer):
    """weight * mean((scales - 1)^2)."""

    def __init__(self, weight: float):
        self.weight = weight

    def __call__(self, scales: Tensor) -> Tensor:
        """Return the penalty, a scalar."""
        return self.weight * ops.mean(ops.square(scales - 1.0))

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {"weight": self.weight}


def between(starts: Tensor, ends: Tensor, positions: Tensor) -> Tensor:
    """Uniform numbers on the way from one row to another.

    Independent x, y ~ N(0, 1) give cos(a) x + sin(a) y ~ N(0, 1) for any angle a. So wherever on the way, the numbers
    are uniform and independent as those at its ends are, and a prior makes proper latents of them.

    Args:
        starts: float64 tensor [N, D], strictly between 0 and 1.
        ends: float64 tensor [N, D], likewise, and independent of `starts`.
        positions: float tensor [N] in [0, 1]: 0 gives `starts`, 1 gives `ends`.

    Returns:
        float64 tensor [N, D], strictly between 0 and 1.
    """
    angles = ops.cast(positions, "float64")[:, None] * (math.pi / 2.0)
    mixed = ops.cos(angles) * ops.erfinv(2.0 * starts - 1.0) + ops.sin(angles) * ops.erfinv(2.0 * ends - 1.0)
    return ops.clip((1.0 + ops.erf(mixed)) / 2.0, 2.0**-33, 1.0 - 2.0**-33)


def normal(uniforms: Tensor, truncation: Tensor | None = None) -> Tensor:
    """Map uniform numbers to standard normal ones.

    Args:
        uniforms: float64 tensor, strictly between 0 and 1.
        truncation: `None`, or for uniforms [N, D] positive bounds as a float tensor [N].

    Returns:
        float32 tensor of the same shape.
    """
    centred = 2.0 * uniforms - 1.0
    if truncation is not None:
        bound = ops.minimum(ops.cast(truncation, "float64"), _NO_BOUND)  # TensorFlow's erf(inf) is NaN
        inside = ops.erf(bound / math.sqrt(2.0))  # P(|z| <= t)
        centred = centred * inside[:, None]
    return ops.cast(math.sqrt(2.0) * ops.erfinv(centred), "float32")
