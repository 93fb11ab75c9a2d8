"""A look at a stranger's config before anything is built of it: it may name kerasgan's classes and known ones of Keras.

Keras's safe mode refuses marshalled lambdas. It still finds every class of the Keras package and whatever the user's
program has registered; some of them read files or run graphs, and none of that is needed here. Like Keras, this goes
by registered names: the Python module that a class was in when the file was made does not matter.
"""

import importlib

import keras

from kerasgan.saving.refused import Refused
from kerasgan.utils import messages, registration
from kerasgan.utils.version import __version__

_LAYERS = frozenset(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention Average
    AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional CategoryEncoding CenterCrop
    Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D
    Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense
    Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization
    GroupQueryAttention Identity InputLayer LSTM LSTMCell LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D
    MaxPooling3D Maximum Minimum MultiHeadAttention Multiply Normalization PReLU Permute RMSNormalization RNN
    RandomBrightness RandomContrast RandomCrop RandomFlip RandomRotation RandomTranslation RandomZoom ReLU RepeatVector
    Rescaling Reshape Resizing ReversibleEmbedding SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax
    SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells Subtract TimeDistributed
    UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """.split()
)
_NAMED = {
    "keras.layers": _LAYERS,
    "keras": frozenset({"DTypePolicy", "Sequential"}),
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.dtype_policies": frozenset({"DTypePolicyMap", "QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy"}),
    "keras.quantizers": frozenset(
        {"AbsMaxQuantizer", "Float8QuantizationConfig", "Int4QuantizationConfig", "Int8QuantizationConfig"}
    ),
}
_BASES = {  # arithmetic, all of them
    "keras.initializers": keras.initializers.Initializer,
    "keras.regularizers": keras.regularizers.Regularizer,
    "keras.constraints": keras.constraints.Constraint,
    "keras.losses": keras.losses.Loss,
    "keras.metrics": keras.metrics.Metric,
    "keras.optimizers": keras.optimizers.Optimizer,
    "keras.optimizers.schedules": keras.optimizers.schedules.LearningRateSchedule,
}
_OPERATIONS = tuple(f"keras.src.ops.{part}" for part in ("core", "image", "linalg", "math", "nn", "numpy"))  # x + y
_VALUES = frozenset({"__keras_tensor__", "__slice__", "__ellipsis__"})
_ARRAYS = frozenset({"__numpy__", "__tensor__"})
_DTYPES = frozenset("bool bfloat16 float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split())
_DEEPEST = 200


def check(config, where, own=False):
    """Raise `ValueError` unless every class that a config names is kerasgan's or a known one of Keras.

    Args:
        config: what `json` made of the file of a serialized Keras object.
        where: names the file in messages.
        own: whether it may also name classes and functions that this program has registered beside kerasgan's, and
            hold arrays: the user's own files do.
    """
    _walk(config, where, own, 0)


def check_read(config, where, own=False):
    """As `check`, of a file that is being read."""
    try:
        check(config, where, own)
    except Refused as error:
        raise Refused(f"{error}; nothing was loaded") from None


def _walk(value, where, own, depth):
    if depth > _DEEPEST:
        raise Refused(f"{where}: expected at most {_DEEPEST} levels")
    if isinstance(value, dict):
        if "class_name" in value and not (_is_known(value) or own and _is_own(value)):
            named = ".".join(str(value[key]) for key in ("module", "class_name") if value.get(key))
            whose = "that this program has registered and none that a file" if own else "that a preset"
            package = str(value.get("registered_name")).partition(">")
            is_users = own and package[1] and package[0] != "kerasgan"
            way = " (a class of your own is known once its module is imported: --import MODULE)" if is_users else ""
            raise Refused(
                f"{where}: names {messages.quoted(named)} (registered as "
                f"{messages.quoted(value.get('registered_name'))}), which is no class of kerasgan "
                f"{__version__} and none {whose} may take from Keras{way}"
            )
        for part in value.values():
            _walk(part, where, own, depth + 1)
    elif isinstance(value, list):
        for part in value:
            _walk(part, where, own, depth + 1)


def _is_known(value):
    module, name, registered = value.get("module"), value["class_name"], value.get("registered_name")
    if not isinstance(name, str):
        return False
    if name in _VALUES:
        return True
    if not isinstance(module, str):
        return False
    if registered not in (None, name):
        return _is_ours(name, registered)
    if module in _NAMED:
        return name in _NAMED[module]
    if module in _BASES:
        resolved = getattr(importlib.import_module(module), name, None)
        return isinstance(resolved, type) and issubclass(resolved, _BASES[module])
    if module in _OPERATIONS:
        resolved = getattr(importlib.import_module(module), name, None)
        return isinstance(resolved, type) and issubclass(resolved, keras.Operation) and resolved.__module__ == module
    return False


def _is_ours(name, registered):
    found = registration.found(registered) if registered == f"kerasgan>{name}" else None
    return isinstance(found, type) and found.__module__.partition(".")[0] == "kerasgan" and found.__name__ == name


def _is_own(value):
    """Whether Keras finds a class, function or array without looking beyond what this program has registered."""
    name, config, registered = value["class_name"], value.get("config"), value.get("registered_name")
    if not isinstance(name, str):
        return False
    if name in _ARRAYS:
        return isinstance(config, dict) and config.get("dtype") in _DTYPES
    if name == "function":
        return isinstance(config, str) and registration.found(config) is not None
    if (value.get("module"), name) == ("keras.layers", "Lambda"):  # of a function that is named, which the walk checks
        return isinstance(config, dict) and isinstance(config.get("function"), dict)
    is_class = not name.startswith("__") and isinstance(registered, str)
    return is_class and isinstance(registration.found(registered), type)
