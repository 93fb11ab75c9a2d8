"""Noise with a learned weight, added to the features of a generator."""

import keras
from keras import ops

from kerasgan import latents
from kerasgan.utils import keyed_random
from kerasgan.utils.annotations import Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class NoiseInjection(keras.layers.Layer):
    """x + w n, where n is normal noise of a number for each place, and w is learned and starts at 0.

    In the steps of a `GAN` each image has noise of its own, drawn anew and keyed as all its random numbers. Elsewhere
    (samples, exports, batch norm's statistics) all images have the same fixed noise, as with StyleGAN2's
    `noise_mode="const"`: an image depends on its latent alone, and changes smoothly with it.

    Args:
        **kwargs: `name`, `trainable` and `dtype`, as of any layer. Names must differ within a network, as they key the
            noise.
    """

    def build(self, input_shape: Shape) -> None:
        """Make w, and the fixed noise [H, W, 1]."""
        self.weight = self.add_weight(shape=(), initializer="zeros", name="weight")
        self.fixed = self.add_weight(
            shape=(*input_shape[1:-1], 1),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
            name="fixed_noise",
        )

    def call(self, inputs: Tensor) -> Tensor:
        """Add noise to features [N, H, W, C], or [N, ..., C] of any places."""
        draw = keyed_random.given()
        noise = self.fixed if draw is None else latents.normal(draw(self.fixed.shape, self.name))
        return inputs + ops.cast(self.weight, inputs.dtype) * ops.cast(noise, inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the inputs' shape."""
        return input_shape
