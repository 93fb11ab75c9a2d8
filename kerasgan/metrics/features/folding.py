"""Batch norm of inference as a part of the convolution before it, so that TensorFlow makes one operation of both."""

import collections

import keras
import numpy as np

from kerasgan.layers.add import Add

_OURS = ("keras.", "kerasgan.")  # packages whose layers are known to be made again from their configs


def folded(model: keras.Model) -> keras.Model:
    """Return a model that computes the same outputs, to rounding, with fewer operations.

    A convolution whose output goes to batch norm alone takes over its scale and shift:

        gamma (w * x + b - mean) / sqrt(variance + epsilon) + beta = w' * x + b'

    and sums are `kerasgan.layers.Add`, beside which TensorFlow fuses convolutions. The weights are copies.

    Args:
        model: of inference. One that is not functional, calls a layer twice, or has layers from elsewhere, is returned
            as it is.
    """
    is_functional = bool(getattr(model, "operations", None)) and not isinstance(model, keras.Sequential)
    is_known = all(type(layer).__module__.startswith(_OURS) for layer in model.layers)
    if not (is_functional and is_known and _calls_layers_once(model)):
        return model
    norms = _foldable(model)

    def made_again(layer):
        config = layer.get_config()
        if layer.name in norms:
            return type(layer).from_config({**config, "use_bias": True})
        if layer in norms.values():
            return _Passed(name=layer.name, dtype=layer.dtype_policy)
        return Add.from_config(config) if type(layer) is keras.layers.Add else type(layer).from_config(config)

    made = keras.models.clone_model(model, clone_function=made_again)
    for layer in model.layers:
        if layer.name in norms:
            made.get_layer(layer.name).set_weights(_weights(layer, norms[layer.name]))
        elif layer.weights and layer not in norms.values():
            made.get_layer(layer.name).set_weights(layer.get_weights())
    return made


class _Passed(keras.layers.Layer):
    """What stands in batch norm's place, and is called as it was."""

    def call(self, inputs, training=None, mask=None):
        return inputs


def _calls_layers_once(model):
    """Whether `input` and `output` of its layers, which are those of a layer's first call, tell all that is used."""
    made = {id(tensor) for layer in model.layers for tensor in keras.tree.flatten(layer.output)}
    return made.issuperset(_uses(model))


def _uses(model):
    """How often each tensor is taken in by a layer or given out, by `id`."""
    used = [tensor for layer in model.layers for tensor in keras.tree.flatten(layer.input)]
    return collections.Counter(map(id, [*used, *keras.tree.flatten(model.outputs)]))


def _foldable(model):
    """The batch norm behind each convolution that may take it over, by the convolution's name."""
    uses = _uses(model)
    convolutions = {id(layer.output): layer for layer in model.layers if _is_linear_convolution(layer)}
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and layer.axis in (-1, 3):
            convolution = convolutions.get(id(layer.input))
            if convolution is not None and uses[id(layer.input)] == 1:
                found[convolution.name] = layer
    return found


def _is_linear_convolution(layer):
    if type(layer) not in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D):
        return False
    return layer.activation is keras.activations.linear and layer.data_format == "channels_last"


def _weights(convolution, norm):
    """Kernel and bias of the two together."""
    kernel, *bias = (np.asarray(value, "float64") for value in convolution.get_weights())
    gain = 1.0 / np.sqrt(np.asarray(norm.moving_variance, "float64") + norm.epsilon)
    gain = gain * np.asarray(norm.gamma) if norm.scale else gain
    shift = np.asarray(norm.beta, "float64") if norm.center else 0.0
    shift = shift + ((bias[0] if bias else 0.0) - np.asarray(norm.moving_mean)) * gain
    multiplied = gain.reshape(kernel.shape[2:]) if isinstance(convolution, keras.layers.DepthwiseConv2D) else gain
    return [kernel * multiplied, shift]
