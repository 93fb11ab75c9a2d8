"""Batch normalization whose gain and bias are linear maps of a condition."""

from collections.abc import Sequence

import keras
from keras import ops

from kerasgan.layers.batch_norm import BatchNormalization
from kerasgan.layers.spectral_normalization import SpectralNormalization
from kerasgan.layers.stored_batch_norm import StoredBatchNormalization
from kerasgan.utils import backend, validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class ModulatedBatchNormalization(keras.layers.Layer):
    """Batch norm with gain 1 + A c and bias B c, linear in a vector c that all such layers of a network share.

    BigGAN's conditional batch norm (Brock, Donahue and Simonyan 2019, arXiv:1809.11096, section 3 and appendix B): c
    is the shared class embedding, and (part of) z. The 1 matters: without it, gains start near 0 (and BigGAN-deep does
    not train, google/compare_gan issue 54).

    Args:
        momentum: of the moving mean and variance, which inference uses.
        epsilon: added to the variance.
        spectral: whether A and B are spectrally normalized.
        spectral_epsilon: of that normalization.
        synchronized: whether the statistics are those of the batches of all replicas together; with TensorFlow alone.
        kernel_initializer: of A and B.
        use_bias: whether A and B have biases of their own, as Projected GAN's have.
        thresholds: `None`, or the number of truncation thresholds of which statistics are stored, for sampling alone;
            see `StoredBatchNormalization`.
        **kwargs: `name`, `trainable` and `dtype`, as of any layer.
    """

    def __init__(
        self,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        spectral: bool = True,
        spectral_epsilon: float = 1e-12,
        synchronized: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "orthogonal",
        thresholds: int | None = None,
        use_bias: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        validation.not_negative("epsilon", epsilon)
        self.spectral = spectral
        self.spectral_epsilon = validation.positive("spectral_epsilon", spectral_epsilon)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.momentum = momentum
        self.synchronized = validation.boolean("synchronized", synchronized)
        self.thresholds = thresholds
        self.use_bias = use_bias
        if thresholds is not None:
            self.normalization = StoredBatchNormalization(
                thresholds, epsilon, dtype=self.dtype_policy, name="normalization"
            )
        else:
            self.normalization = BatchNormalization(
                momentum=momentum,
                epsilon=epsilon,
                center=False,
                scale=False,
                synchronized=synchronized and backend.is_tensorflow(),
                dtype=self.dtype_policy,
                name="normalization",
                trainable=self.trainable,  # of a layer that was saved frozen, too
            )

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Make A and B, both [c, channels]."""
        features_shape, condition_shape, *truncation_shape = input_shape
        self.gain = self._linear(features_shape[-1], "gain")
        self.bias = self._linear(features_shape[-1], "bias")
        self.gain.build(condition_shape)
        self.bias.build(condition_shape)
        self.normalization.build([features_shape, *truncation_shape] if truncation_shape else features_shape)

    def call(self, inputs: Sequence[Tensor], training: bool | None = None) -> Tensor:
        """Normalize, then scale and shift.

        Args:
            inputs: list of features [N, H, W, C], conditions [N, c] and, with `thresholds`, thresholds float [N].
            training: whether to use (and update the moving averages with) the batch's own statistics.

        Returns:
            Tensor [N, H, W, C].
        """
        features, condition, *truncation = inputs
        if truncation:
            x = self.normalization([features, *truncation])
        else:
            x = self.normalization(features, training=training)
        gain, bias = (ops.expand_dims(layer(condition), (1, 2)) for layer in (self.gain, self.bias))
        return x * (1.0 + gain) + bias

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        """Return the shape of the features."""
        return input_shape[0]

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "epsilon": self.normalization.epsilon,
            "spectral": self.spectral,
            "spectral_epsilon": self.spectral_epsilon,
            "synchronized": self.synchronized,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "thresholds": self.thresholds,
            "use_bias": self.use_bias,
        }

    def _linear(self, units, name):
        layer = keras.layers.Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name=name,
            trainable=self.trainable,
        )
        if not self.spectral:
            return layer
        return SpectralNormalization(layer, epsilon=self.spectral_epsilon, name=f"{name}_sn", trainable=self.trainable)
