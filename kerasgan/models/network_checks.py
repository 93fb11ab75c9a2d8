"""Checks of the two networks: whether they are what a GAN can be made of, and go with each other."""

import inspect
import warnings
from typing import Any

import keras

from kerasgan.utils.messages import quoted

_ACTIVATIONS = {  # layers and operations that are one, and its name
    "HardSigmoid": "hard_sigmoid",
    "ReLU": "relu",
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "Softplus": "softplus",
}
_CHANNELS = (1, 3, 4)  # of pictures
_PROBABILITIES = ("hard_sigmoid", "sigmoid", "softmax")
_NEVER_NEGATIVE = ("relu", "relu6", "softplus", *_PROBABILITIES)
_SHIFT = ("RandomShear", "RandomTranslation")
_WITHOUT_GRADIENT = (  # or with that of another function
    "RandomColorJitter",
    "RandomHue",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomZoom",
)
_MOVE_VALUES = "Cast Cropping2D Dropout Flatten GetItem Identity Permute Reshape Squeeze Transpose".split()


def takes_truncation(generator):
    """Whether a generator's last input is the threshold: float32 [N], named `truncation`."""
    return len(generator.inputs) > 1 and generator.inputs[-1].name == "truncation"


def generator_fits(generator, num_classes):
    """Raise `ValueError` unless the generator takes latents, and labels just where there are classes.

    Args:
        generator: `keras.Model`.
        num_classes: number of classes, or `None`.
    """
    _built("generator", generator)
    if len(generator.inputs[0].shape) != 2:
        raise ValueError(f"generator: expected latents [N, D] as first input; it takes {generator.inputs[0].shape}")
    if generator.outputs is not None and len(generator.outputs) != 1:
        raise ValueError(f"generator: expected one output, the images; it gives {len(generator.outputs)}")
    _channels_are_last(generator)
    _inputs_fit("generator", generator, num_classes, extra=1 if takes_truncation(generator) else 0)
    _classes_fit("generator", generator, num_classes)


def networks_fit(generator, critic, num_classes, pairwise=False, features=False, classifying=False, patches=False):
    """Raise `ValueError` unless the critic takes what the generator makes and gives what the objective needs.

    Args:
        generator: `keras.Model`.
        critic: `keras.Model`.
        num_classes: number of classes, or `None`; with classes both networks take labels too.
        pairwise: whether the objective compares two images, so that the critic takes two.
        features: whether the critic gives any number of features an image rather than one logit.
        classifying: whether the critic takes no labels but gives class logits as a second output.
        patches: whether the critic gives any number of logits an image rather than one.
    """
    for name, network in (("generator", generator), ("critic", critic)):
        _built(name, network)
        _weights_fit(name, network)
        _computed_once(name, network)
        _gradients_are_right(name, network)
    if classifying and num_classes is None:
        raise ValueError("num_classes: expected a number, as the critic classifies; got None")
    if pairwise and num_classes is not None:
        raise ValueError(f"num_classes: expected None, as the objective has no labels; got {quoted(num_classes)}")
    generator_fits(generator, num_classes)
    _nothing_shared(generator, critic)
    _ends_fit(generator, critic)
    if takes_truncation(generator):
        raise ValueError("generator: expected one that can train; this one has statistics fixed for each truncation")
    made, taken = tuple(generator.output_shape[1:]), tuple(critic.inputs[0].shape[1:])
    if made != taken:
        raise ValueError(f"critic: expected images of shape {made}, as the generator makes; it takes {taken}")
    compares = len(critic.inputs) == 2 and tuple(critic.inputs[1].shape[1:]) == taken
    if pairwise and not compares:
        raise ValueError("critic: expected a PairwiseCritic, as the objective compares two images; it takes one")
    if compares and not pairwise:
        raise ValueError("critic: expected a critic of one image, as the objective scores each; it compares two")
    if not pairwise and not classifying:
        _inputs_fit("critic", critic, num_classes)
        _classes_fit("critic", critic, num_classes)
    if classifying and len(critic.inputs) != 1:
        raise ValueError("critic: expected to take images alone, as it classifies; it takes labels")
    given = [tuple(output.shape[1:]) for output in critic.outputs]
    classes = [(num_classes,)] if classifying else []
    wanted = [(1,), *classes]
    if features and (given[1:] != classes or len(given[0]) != 1):
        what = " and the classes' logits" if classifying else ""
        raise ValueError(f"critic: expected features [N, F]{what}; it gives {given} an image")
    if patches and (given[1:] != classes or len(given[0]) != 1):
        raise ValueError(f"critic: expected one output of logits [N, L]; it gives {given} an image")
    if not features and not patches and given != wanted:
        what = "one logit and the classes' logits" if classifying else "one logit"
        raise ValueError(f"critic: expected {what} an image, of shape {wanted}; it gives {given}")


def _built(name, network):
    if not getattr(network, "inputs", None):
        raise ValueError(f"{name}: expected a built keras.Model with known inputs; got {quoted(network)}")


def _inputs_fit(name, network, num_classes, extra=0):
    expected = extra + (1 if num_classes is None else 2)
    if len(network.inputs) != expected:
        wanted = "one input (num_classes is None)" if num_classes is None else f"labels too (num_classes={num_classes})"
        way = ""
        if name == "critic" and num_classes is not None and len(network.outputs or ()) == 2:
            way = ". It tells the classes itself: techniques=[kerasgan.techniques.AuxiliaryClassifier()] goes with it"
        raise ValueError(f"{name}: expected a network that takes {wanted}; it has {len(network.inputs)} inputs{way}")
    if num_classes is not None and tuple(network.inputs[1].shape[1:]) not in ((), (1,)):
        raise ValueError(
            f"{name}: expected its second input to be labels, integers [N]; it takes {network.inputs[1].shape}. "
            'keras.Input((), dtype="int32") and a layer Embedding, or keras.ops.one_hot, take them'
        )


def _classes_fit(name, network, num_classes):
    """Raise `ValueError` where a table that the labels are looked up in has too few rows; warn where it has more."""
    for layer, rows in [] if num_classes is None else _tables(network):
        if rows < num_classes:
            raise ValueError(
                f"num_classes: expected at most {rows}, as layer {layer} of the {name} has a row for each class; got "
                f"{num_classes}"
            )
        if rows > num_classes:
            told = f"num_classes: {num_classes}, and layer {layer} of the {name} has rows for {rows}"
            warnings.warn(f"{told}: the others are never used", stacklevel=4)


def _tables(network):
    """Pairs of name and rows of the layers that a network's input of labels goes to, where they have rows."""
    labels = network.inputs[1] if len(network.inputs) > 1 else None
    for operation in network.operations if labels is not None else ():
        given = [tensor for node in operation._inbound_nodes for tensor in node.arguments.keras_tensors]
        if any(tensor is labels for tensor in given):
            inner = getattr(operation, "layer", operation)  # of a wrapper, such as spectral normalization
            rows = getattr(inner, "input_dim", getattr(inner, "num_classes", None))
            if isinstance(rows, int):
                yield operation.name, rows


def _channels_are_last(generator):
    """Raise `ValueError` where images come as [N, C, H, W], whose axes techniques and pictures would mistake."""
    made = tuple(generator.output_shape[1:]) if generator.outputs else ()
    is_first = len(made) == 3 and made[0] in _CHANNELS and made[-1] not in _CHANNELS
    if is_first and any(getattr(one, "data_format", "") == "channels_first" for one in generator._flatten_layers()):
        raise ValueError(
            f"generator: expected images [N, H, W, C]; it makes them of shape {made}, channels first: "
            'keras.config.set_image_data_format("channels_last") before the networks are made does what is expected, '
            "and so does keras.layers.Permute((2, 3, 1)) at the generator's end, (3, 1, 2) at the critic's beginning"
        )


def _weights_fit(name, network):
    """Raise `ValueError` where trained weights are not float32, in which losses and the moving average are."""
    for variable in network.trainable_variables:
        if variable.dtype != "float32":
            raise ValueError(
                f"{name}: expected weights of float32, as mixed_float16 and mixed_bfloat16 have too; {variable.path} "
                f'is {variable.dtype}: keras.config.set_floatx("float32") and set_dtype_policy("float32"), or a mixed '
                "policy, before the network is made"
            )


def _computed_once(name, network):
    """Raise `ValueError` where a layer would be computed again for the gradient, and not be the same then.

    On TensorFlow Keras's rematerialization moves batch norm's statistics several times a step and draws dropout anew,
    and compiled steps fail (findings/keras_remat_changes_training_on_tensorflow.sh).
    """
    for layer in network._flatten_layers():
        is_recomputed = getattr(getattr(layer, "_remat_mode", None), "mode", None) is not None
        if is_recomputed and "training" in inspect.signature(layer.call).parameters:
            raise ValueError(
                f"{name}: expected layers made outside keras.RematScope, which on TensorFlow changes what layers that "
                f"know of training compute; {layer.name} was made in it: make the network without it"
            )


def _gradients_are_right(name, network):
    """Raise `ValueError` where TensorFlow gives a layer of Keras no gradient, or that of another function.

    It has none for colours that come from hue and saturation, and none for rounding. The gradient of a resampled
    picture it resamples with the inverse map, which is the transpose only where pixels keep size and angle, and nothing
    is mirrored at the borders (findings/keras_gradient_through_zoom_on_tensorflow.sh).
    """
    for layer in network._flatten_layers():
        of_keras = (kind.__name__ for kind in type(layer).__mro__ if kind.__module__.partition(".")[0] == "keras")
        kind = next(of_keras)
        if kind in _WITHOUT_GRADIENT or (kind in _SHIFT and layer.fill_mode != "constant"):
            way = f" {kind}(fill_mode='constant') is right, and so" if kind in _SHIFT else " So"
            raise ValueError(
                f"{name}: expected layers whose gradients TensorFlow computes; those of {kind}, here {layer.name}, are "
                f"wrong or missing.{way} are techniques=[kerasgan.techniques.AdaptiveAugmentation()] and "
                "DiffAugment(), which change what the critic sees"
            )


def _nothing_shared(generator, critic):
    """Raise `ValueError` where a layer is in both networks: both players would train it, and no file would hold it."""
    of_generator = {id(variable) for variable in generator.variables}
    shared = [variable.path for variable in critic.variables if id(variable) in of_generator]
    if shared:
        raise ValueError(
            f"critic: expected layers of its own; {shared[0]} is the generator's too: make a layer for each of them"
        )


def _ends_fit(generator, critic):
    """Raise `ValueError` where networks end as other GANs' do: images in [0, 1], or probabilities instead of logits.

    Images that are no floats are refused as well.
    """
    for output in () if critic.outputs is None else critic.outputs:
        layer, activation = _last(output)
        if activation in _PROBABILITIES:
            raise ValueError(
                f"critic: expected logits, to which the loss applies what it needs; its last layer, {layer}, has the "
                f"activation {activation}: leave it out"
            )
    made = generator.outputs[0]
    layer, activation = _last(made)
    if activation in _NEVER_NEGATIVE and len(generator.output_shape) == 4:
        raise ValueError(
            f"generator: expected images in [-1, 1]; its last layer, {layer}, has the activation {activation}, which "
            "never gives what is darker than mid-grey: end it in tanh"
        )
    if not keras.backend.is_float_dtype(made.dtype):
        raise ValueError(f"generator: expected floats, which have gradients; it gives {made.dtype}")


def _last(output):
    """The names of the layer that a network's output is of, and of its activation ("" for none).

    Layers that move values about, or leave some out, are passed over. An operation is its own activation, and so is a
    layer that is one.
    """
    history: Any = getattr(output, "_keras_history", (None, 0, 0))
    layer, node, _ = history
    if isinstance(layer, keras.Model) and getattr(layer, "outputs", None):
        return _last(layer.outputs[0])
    kind = type(layer).__name__
    if kind in _MOVE_VALUES:
        return _last(layer._inbound_nodes[node].input_tensors[0])
    if getattr(layer, "negative_slope", 0):
        return layer.name, ""  # a leaky ReLU
    activation = getattr(layer, "activation", None)
    name = _ACTIVATIONS.get(kind, "") if activation is None else getattr(activation, "__name__", "")
    return getattr(layer, "name", ""), name
