"""A look at a stranger's config before anything is built of it: it may name kerasgan's classes and known ones of Keras.

Keras's safe mode refuses marshalled lambdas. It still finds every class of the Keras package and whatever the user's
program has registered; some of them read files or run graphs, and none of that is needed here.
"""

import importlib

import keras

import kerasgan

_LAYERS = frozenset(
    """
    Activation Add AlphaDropout Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization
    Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose Cropping1D Cropping2D Cropping3D
    Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU Embedding Flatten GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D
    GlobalMaxPooling3D GroupNormalization Identity InputLayer LayerNormalization LeakyReLU MaxPooling1D MaxPooling2D
    MaxPooling3D Maximum Minimum Multiply PReLU Permute ReLU RepeatVector Rescaling Reshape SeparableConv1D
    SeparableConv2D Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D Subtract UnitNormalization UpSampling1D
    UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """.split()
)
_NAMED = {
    "keras.layers": _LAYERS,
    "keras": frozenset({"DTypePolicy", "Sequential"}),
    "keras.src.models.functional": frozenset({"Functional"}),
}
_BASES = {  # arithmetic, all of them
    "keras.initializers": keras.initializers.Initializer,
    "keras.regularizers": keras.regularizers.Regularizer,
    "keras.constraints": keras.constraints.Constraint,
    "keras.optimizers": keras.optimizers.Optimizer,
    "keras.optimizers.schedules": keras.optimizers.schedules.LearningRateSchedule,
}
_OPERATIONS = ("keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.math")  # x[:, :8] and x + y in a network
_VALUES = frozenset({"__keras_tensor__", "__slice__", "__ellipsis__"})
_DEEPEST = 200


def check(config, where):
    """Raise `ValueError` unless every class that a config names is kerasgan's or a known one of Keras.

    Args:
        config: what `json` made of the file of a serialized Keras object.
        where: names the file in messages.
    """
    for module in ("networks", "objectives", "latents", "layers", "techniques"):
        getattr(kerasgan, module)  # importing them registers their classes
    _walk(config, where, 0)


def _walk(value, where, depth):
    if depth > _DEEPEST:
        raise ValueError(f"{where}: expected at most {_DEEPEST} levels")
    if isinstance(value, dict):
        if "class_name" in value and not _is_known(value):
            named = ".".join(str(value[key]) for key in ("module", "class_name") if value.get(key))
            raise ValueError(
                f"{where}: names {named!r} (registered as {value.get('registered_name')!r}), which is no class of "
                f"kerasgan {kerasgan.__version__} and none that a preset may take from Keras; nothing was loaded"
            )
        for part in value.values():
            _walk(part, where, depth + 1)
    elif isinstance(value, list):
        for part in value:
            _walk(part, where, depth + 1)


def _is_known(value):
    module, name, registered = value.get("module"), value["class_name"], value.get("registered_name")
    if not isinstance(name, str):
        return False
    if name in _VALUES:
        return True
    if not isinstance(module, str):
        return False
    if registered not in (None, name):
        return _is_ours(module, name, registered)
    if module in _NAMED:
        return name in _NAMED[module]
    if module in _BASES:
        found = getattr(importlib.import_module(module), name, None)
        return isinstance(found, type) and issubclass(found, _BASES[module])
    if module in _OPERATIONS:
        found = getattr(importlib.import_module(module), name, None)
        return isinstance(found, type) and issubclass(found, keras.Operation) and found.__module__ == module
    return False


def _is_ours(module, name, registered):
    found = keras.saving.get_registered_object(registered) if isinstance(registered, str) else None
    ours = isinstance(found, type) and found.__module__.partition(".")[0] == "kerasgan"
    return ours and (module, name, registered) == (found.__module__, found.__name__, f"kerasgan>{found.__name__}")
