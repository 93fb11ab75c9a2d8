"""Weight normalization: a layer that computes with g * V / ||V|| in place of its kernel V."""

import keras
import numpy as np
from keras import ops

from kerasgan.layers import wrapped
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.tensors import Tensor

# The axis of the kernel that is the output channels
_OUTPUTS = {keras.layers.Dense: -1, keras.layers.Conv1D: -1, keras.layers.Conv2D: -1, keras.layers.Conv2DTranspose: -2}


@keras.saving.register_keras_serializable(package="kerasgan")
class WeightNormalization(keras.layers.Wrapper):
    """Make a layer compute with the kernel g * V / ||V||_2, a norm and a gain g for each output channel.

    Salimans and Kingma 2016, "Weight normalization", arXiv:1602.07868, as in the critic of "Improved techniques for
    training GANs" (arXiv:1606.03498). V is the layer's kernel, which the optimizer moves, and gradients go through the
    norm. g starts at 1. `adapt` sets g and the bias so that on given inputs the outputs of each channel have mean 0 and
    standard deviation `stddev`; `GAN.fit` adapts the critic to the first real images, layer by layer.

    Args:
        layer: a `Dense`, `Conv1D`, `Conv2D` or `Conv2DTranspose` layer of Keras, without activation.
        stddev: positive number, what `adapt` makes the standard deviation of outputs; `None` for no adaptation.
        train_gain: whether g is trained. The authors' critic trains that of its last layer alone.
        **kwargs: `name`, `trainable` and `dtype` (by default the layer's) of a Keras layer.

    Raises:
        ValueError: if the layer is of another type or has an activation, or `stddev` is not positive.
    """

    def __init__(self, layer: keras.layers.Layer, stddev: float | None = 1.0, train_gain: bool = True, **kwargs):
        axes = [axis for kind, axis in _OUTPUTS.items() if isinstance(layer, kind)]
        if not axes:
            supported = ", ".join(kind.__name__ for kind in _OUTPUTS)
            raise ValueError(f"layer: expected one of {supported}; got {type(layer).__name__}")
        if layer.activation is not keras.activations.linear:
            raise ValueError(f"layer: expected no activation, which is to come after; {layer.name} has one")
        if stddev is not None:
            validation.number("stddev", stddev, lambda it: it > 0, "a positive number or None")
        super().__init__(layer, **{"dtype": layer.dtype_policy, **kwargs})
        self.supports_masking = layer.supports_masking
        self.stddev = stddev
        self.train_gain = train_gain
        self._outputs = axes[0]

    def build(self, input_shape: Shape | None = None) -> None:
        """Build the layer, and g."""
        super().build(input_shape)
        shape = (self.layer.kernel.shape[self._outputs],)
        self.gain = self.add_weight(shape=shape, initializer="ones", trainable=self.train_gain, name="gain")
        self.adapted = self.add_weight(shape=(), dtype="bool", initializer="zeros", trainable=False, name="adapted")

    def adapt(self, inputs: Tensor | np.ndarray) -> None:
        """Set g and the bias so that on these inputs outputs have mean 0 and standard deviation `stddev`.

        Args:
            inputs: what the layer takes.
        """
        outputs = ops.cast(self(inputs), "float32")
        axes = tuple(range(len(outputs.shape) - 1))
        scale = (self.stddev or 1.0) / ops.maximum(ops.std(outputs, axes), 1e-6)
        if self.layer.use_bias:
            self.layer.bias.assign(scale * (self.layer.bias - ops.mean(outputs, axes)))
        self.gain.assign(scale * self.gain)
        self.adapted.assign(True)

    def call(self, inputs: Tensor) -> Tensor:
        """Call the layer with g * V / ||V|| for its kernel; arguments and result are the layer's."""
        kernel = ops.cast(self.layer.kernel, self.variable_dtype)
        outputs = self._outputs % len(kernel.shape)
        axes = tuple(axis for axis in range(len(kernel.shape)) if axis != outputs)
        norms = ops.sqrt(ops.sum(ops.square(kernel), axes, keepdims=True) + 1e-12)
        gain = ops.reshape(ops.cast(self.gain, self.variable_dtype), norms.shape)
        return wrapped.call_with(self, self.layer.kernel, kernel * (gain / norms), inputs)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Tensor | None:
        """Return the layer's mask."""
        return self.layer.compute_mask(inputs, previous_mask)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the layer's output shape."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {**super().get_config(), "stddev": self.stddev, "train_gain": self.train_gain}
