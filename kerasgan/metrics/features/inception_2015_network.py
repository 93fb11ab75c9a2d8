"""The Inception network of 2015 by which the FID is defined, with its quirks, for weights ported to PyTorch.

Szegedy et al. 2016, arXiv:1512.00567, in the graph `classify_image_graph_def.pb` of 2015-12-05 that Heusel et al.
2017 (arXiv:1706.08500) took, as pytorch-fid and torch-fidelity rebuilt it. It differs from the Inception of
keras.applications and torchvision: average pooling does not count the padding, the pool of the last block takes the
maximum, convolutions come with batch norm of epsilon 1e-3, there are 1008 logits, and images are resized as TensorFlow
1 did it.

The weights are not part of kerasgan. Both projects publish the same state dict, `pt_inception-2015-12-05-6726825d.pth`
(https://github.com/mseitzer/pytorch-fid/releases, Apache-2.0): download it and give its path to `load`.
"""

import keras
import tensorflow as tf
from keras import layers

from kerasgan.utils import checkpoint_tensors
from kerasgan.utils.state_dict import StateDict

TAPS = ("64", "192", "768", "2048")  # pooled features by the names that both ports give them
SIZE = 299
CLASSES = 1008


def build() -> keras.Model:
    """Build the network with random weights.

    Returns:
        `keras.Model` from images float32 [N, 299, 299, 3] in [-1, 1], as `scaled` makes them, to a dict: "64",
        "192", "768" and "2048", features float32 [N, that many], the means over places after the first and second
        maximum pooling, before the auxiliary classifier and at the end ("2048" is what FID and KID use); "logits"
        [N, 1008]; "logits_unbiased" [N, 1008], those without the last bias, of which the published inception scores
        are the softmax.
    """
    images = x = keras.Input((SIZE, SIZE, 3), name="images")
    taps = {}
    x = _conv(x, "Conv2d_1a_3x3", 32, 3, strides=2)
    x = _conv(x, "Conv2d_2a_3x3", 32, 3)
    x = _conv(x, "Conv2d_2b_3x3", 64, 3, padding="same")
    x = layers.MaxPooling2D(3, 2)(x)
    taps["64"] = layers.GlobalAveragePooling2D()(x)
    x = _conv(x, "Conv2d_3b_1x1", 80, 1)
    x = _conv(x, "Conv2d_4a_3x3", 192, 3)
    x = layers.MaxPooling2D(3, 2)(x)
    taps["192"] = layers.GlobalAveragePooling2D()(x)
    for name, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        x = _block_a(x, name, pooled)
    x = _block_b(x, "Mixed_6a")
    for name, width in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        x = _block_c(x, name, width)
    taps["768"] = layers.GlobalAveragePooling2D()(x)
    x = _block_d(x, "Mixed_7a")
    x = _block_e(x, "Mixed_7b", layers.AveragePooling2D)
    x = _block_e(x, "Mixed_7c", layers.MaxPooling2D)
    taps["2048"] = x = layers.GlobalAveragePooling2D()(x)
    taps["logits_unbiased"] = x = layers.Dense(CLASSES, use_bias=False, name="fc")(x)
    taps["logits"] = _Bias(name="fc_bias")(x)
    return keras.Model(images, taps, name="inception_2015")


def load(path) -> keras.Model:
    """Build the network with the weights of a file of tensors: see the module for where to get it.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if PyTorch, which reads it, is not installed.
        ValueError: naming the tensor that is missing, too many or of another shape.
    """
    return convert(checkpoint_tensors.read(path))


def convert(state) -> keras.Model:
    """Build the network with the weights of a PyTorch state dict, of torch-fidelity's or pytorch-fid's names.

    Args:
        state: mapping of names to arrays or CPU tensors.

    Returns:
        `keras.Model`, see `build`.

    Raises:
        ValueError: naming the tensor that is missing, too many or of another shape.
    """
    state = StateDict(state, "inception of 2015")
    network = build()
    for layer in network.layers:
        if isinstance(layer, layers.Conv2D):
            height, width, inputs, outputs = layer.kernel.shape
            weight = state.take(f"{layer.name}.weight", (outputs, inputs, height, width))
            layer.kernel.assign(weight.transpose(2, 3, 1, 0))
        elif isinstance(layer, layers.BatchNormalization):
            for theirs, variable in (
                ("weight", layer.gamma),
                ("bias", layer.beta),
                ("running_mean", layer.moving_mean),
                ("running_var", layer.moving_variance),
            ):
                variable.assign(state.take(f"{layer.name}.{theirs}", variable.shape))
    network.get_layer("fc").kernel.assign(state.take("fc.weight", (CLASSES, 2048)).T)
    network.get_layer("fc_bias").bias.assign(state.take("fc.bias", (CLASSES,)))
    state.finish(ignored=(".num_batches_tracked",))
    return network


def scaled(images, half_pixel_centers: bool = False):
    """Resize images to 299 x 299 and scale them for the network.

    Bilinear, without any blur before making them smaller, as the FID's graph does it.

    Args:
        images: uint8 [N, H, W, 3], a tensor or array.
        half_pixel_centers: False for the graph's own resize, in which pixel centres lie at integers, and its scale
            (x - 128) / 128 (torch-fidelity, TensorFlow's FID); True for PyTorch's resize and 2 x / 255 - 1
            (pytorch-fid). The two give different distances, so name them apart: "inception-2015" and
            "inception-2015-pytorch-fid".

    Returns:
        float32 [N, 299, 299, 3].
    """
    x = tf.cast(images, tf.float32)
    if half_pixel_centers:
        x = x / 255.0
    x = tf.raw_ops.ResizeBilinear(
        images=x, size=[SIZE, SIZE], align_corners=False, half_pixel_centers=half_pixel_centers
    )
    return 2.0 * x - 1.0 if half_pixel_centers else (x - 128.0) / 128.0


class _Bias(layers.Layer):
    """Adds a bias, which `logits_unbiased` is without."""

    def build(self, shape):
        self.bias = self.add_weight(name="bias", shape=(shape[-1],), initializer="zeros")

    def call(self, x):
        return x + self.bias


def _conv(x, name, filters, size, strides=1, padding="valid"):
    x = layers.Conv2D(filters, size, strides, padding, use_bias=False, name=f"{name}.conv")(x)
    return layers.ReLU()(layers.BatchNormalization(epsilon=1e-3, name=f"{name}.bn")(x))


def _chain(x, name, *convs):
    """Convolutions (name, filters, size) one after the other, with padding."""
    for branch, filters, size in convs:
        x = _conv(x, f"{name}.{branch}", filters, size, padding="same")
    return x


def _pooled(x, name, filters, pool=layers.AveragePooling2D):
    return _conv(pool(3, 1, "same")(x), f"{name}.branch_pool", filters, 1)


def _block_a(x, name, pooled):
    return layers.Concatenate()(
        [
            _chain(x, name, ("branch1x1", 64, 1)),
            _chain(x, name, ("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)),
            _chain(x, name, ("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)),
            _pooled(x, name, pooled),
        ]
    )


def _block_b(x, name):
    double = _chain(x, name, ("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3))
    return layers.Concatenate()(
        [
            _conv(x, f"{name}.branch3x3", 384, 3, strides=2),
            _conv(double, f"{name}.branch3x3dbl_3", 96, 3, strides=2),
            layers.MaxPooling2D(3, 2)(x),
        ]
    )


def _block_c(x, name, width):
    row, column = (1, 7), (7, 1)
    seven = ("branch7x7_1", width, 1), ("branch7x7_2", width, row), ("branch7x7_3", 192, column)
    double = (
        ("branch7x7dbl_1", width, 1),
        ("branch7x7dbl_2", width, column),
        ("branch7x7dbl_3", width, row),
        ("branch7x7dbl_4", width, column),
        ("branch7x7dbl_5", 192, row),
    )
    return layers.Concatenate()(
        [
            _chain(x, name, ("branch1x1", 192, 1)),
            _chain(x, name, *seven),
            _chain(x, name, *double),
            _pooled(x, name, 192),
        ]
    )


def _block_d(x, name):
    three = _chain(x, name, ("branch3x3_1", 192, 1))
    seven = ("branch7x7x3_1", 192, 1), ("branch7x7x3_2", 192, (1, 7)), ("branch7x7x3_3", 192, (7, 1))
    return layers.Concatenate()(
        [
            _conv(three, f"{name}.branch3x3_2", 320, 3, strides=2),
            _conv(_chain(x, name, *seven), f"{name}.branch7x7x3_4", 192, 3, strides=2),
            layers.MaxPooling2D(3, 2)(x),
        ]
    )


def _block_e(x, name, pool):
    three = _chain(x, name, ("branch3x3_1", 384, 1))
    double = _chain(x, name, ("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3))
    return layers.Concatenate()(
        [
            _chain(x, name, ("branch1x1", 320, 1)),
            _chain(three, name, ("branch3x3_2a", 384, (1, 3))),
            _chain(three, name, ("branch3x3_2b", 384, (3, 1))),
            _chain(double, name, ("branch3x3dbl_3a", 384, (1, 3))),
            _chain(double, name, ("branch3x3dbl_3b", 384, (3, 1))),
            _pooled(x, name, 192, pool),
        ]
    )
