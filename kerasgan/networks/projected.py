"""Projected GAN's critic, which looks at images through frozen features of a network.

Sauer, Chitta, Mueller and Geiger 2021, "Projected GANs converge faster", arXiv:2111.01007, as in its authors' code
(autonomousvision/projected-gan): four feature maps of EfficientNet-Lite0, mixed by random projections that are never
trained, and a small critic for each map. Train it with `kerasgan.ProjectedGAN`. The classifier of CIFAR-10 can take
EfficientNet-Lite0's place, at a fraction of the cost. A distance measured with the same features means nothing for
such a generator: judge it with another network.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import keras
import numpy as np
from keras import layers, ops

from kerasgan.networks import _parts, cifar10_classifier, efficientnet_lite0
from kerasgan.networks.fastgan import conv, uniform
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.messages import quoted
from kerasgan.utils.tensors import Tensor

_WIDTHS = (1, 1, 2, 4, 8)  # in units of `filters`: channels after 0, 1, ... of four halvings
_LEAST = 4  # pixels of the smallest maps, as the last convolution


@dataclasses.dataclass(frozen=True)
class _Network:
    """A frozen network: four of the maps that its trunk makes are looked at, each half as wide as the one before.

    `coarsest` is the stride of the last, and `size` the images' side that it was trained with.
    """

    trunk: Callable[[], Callable[[Tensor], Sequence[Tensor]]]
    stages: tuple[int, ...]
    channels: tuple[int, ...]
    coarsest: int
    size: int


_NETWORKS = {  # by their names in `kerasgan.metrics.features`
    "efficientnet-lite0": _Network(efficientnet_lite0.trunk, (1, 2, 4, 6), (24, 40, 112, 320), 32, 224),
    "cifar10": _Network(cifar10_classifier.trunk, (0, 1, 2, 3), cifar10_classifier.CHANNELS, 8, 32),
}


def critic(
    image_shape: tuple[int, int, int] = (256, 256, 3),
    num_classes: int | None = None,
    filters: int = 64,
    feature_size: int | None = None,
    network: Literal["efficientnet-lite0", "cifar10"] = "efficientnet-lite0",
) -> keras.Model:
    """Build the critic.

    With the defaults it has 10,331,328 trainable parameters, and gives 64 logits an image. The convolutions are
    spectrally normalized, with batch norm.

    Args:
        image_shape: (height, width, channels), any size; channels 1 (grey), 3 or 4 (RGBA), see `ProjectedFeatures`.
        num_classes: number of classes, whose embeddings the features of each map are projected on; or `None`.
        filters: channels of the first projection; 64 in the paper.
        feature_size: side in pixels that images are resized to, by default the one that the network was trained with:
            224 for EfficientNet-Lite0, as in the paper, whose code leaves larger images as they are (give their size),
            and 32 for the classifier of CIFAR-10. A multiple of 32 from 128 on; for the latter of 8 from 32 on. The
            cost is in proportion to its square.
        network: the frozen network, by its name in `kerasgan.metrics.features`: `"efficientnet-lite0"`, of ImageNet,
            or `"cifar10"`, the classifier of CIFAR-10 in the zoo, which is cheaper and leaves the other as a judge.

    Returns:
        `keras.Model` from images, float32 [N, H, W, channels] (or the pair of images and labels, int32 [N]), to logits,
        float32 [N, L], those of all places of all maps: L = 4 (m - 3)^2, where m, the side of the smallest map, is
        feature_size / 32, or / 8 for the classifier of CIFAR-10.

    Raises:
        ValueError: if an argument is not as said.
        ImportError, FileNotFoundError: if the weights of the frozen network are not there, naming the way to them.

    Example:
        >>> critic = kerasgan.networks.projected.critic((32, 32, 3), network="cifar10")
        >>> gan = kerasgan.ProjectedGAN(kerasgan.networks.fastgan.generator((32, 32, 3)), critic)
    """
    images = keras.Input(_checked(image_shape), name="images")
    labels = None if num_classes is None else _parts.labels_input(num_classes)
    maps = ProjectedFeatures(filters, feature_size, network, name="features")(images)
    logits = [_small_critic(x, index, labels, num_classes, filters) for index, x in enumerate(maps)]
    inputs = images if labels is None else [images, labels]
    return keras.Model(inputs, _parts.output(layers.Concatenate()(logits), "linear"), name="projected_critic")


@keras.saving.register_keras_serializable(package="kerasgan")
class ProjectedFeatures(keras.layers.Layer):
    """Four feature maps of a frozen network, mixed at random over channels and scales.

    Called with images [N, H, W, C] in [-1, 1], it returns maps of `filters` times 1, 1, 2 and 4 channels, each twice as
    wide as the network's own: for EfficientNet-Lite0 at strides 2, 4, 8 and 16 of images of `feature_size` pixels, to
    which the images are resized bilinearly (half-pixel centres, antialiased where they shrink). Grey images become
    three equal channels. RGBA is looked at twice, on black and on white, and the random projection mixes both: what
    transparency hides is not judged, and all else is.

    The random projections are non-trainable weights. The frozen network is none of the layer's weights: it is found
    anew, and known by its SHA-256, where a model is built or loaded (`kerasgan.metrics.features`). Both compute in
    float32 whatever the policy. Batch norm has the network's own statistics; those of the authors' code are a tenth
    off, as it counts its channels by a pass of zeros in training mode.

    Args:
        filters: channels of the finest projection.
        feature_size: as of `critic`.
        network: as of `critic`.
        **kwargs: `name` and `dtype`, as of any layer.

    Raises:
        ValueError: if an argument is not as said, or the images have other channels.
        ImportError, FileNotFoundError: if the weights of the frozen network are not there.
    """

    def __init__(
        self,
        filters: int = 64,
        feature_size: int | None = None,
        network: Literal["efficientnet-lite0", "cifar10"] = "efficientnet-lite0",
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.filters = validation.integer("filters", filters, 1)
        _parts.check_option("network", network, _NETWORKS)
        self.frozen_network, known = network, _NETWORKS[network]
        self.feature_size = known.size if feature_size is None else feature_size
        if validation.integer("feature_size", self.feature_size, _LEAST * known.coarsest) % known.coarsest:
            raise ValueError(f"feature_size: expected a multiple of {known.coarsest}; got {feature_size}")

    def build(self, input_shape: Shape) -> None:
        """Find the frozen network, and draw the projections."""
        _, height, width, channels = _checked(input_shape)
        known = _NETWORKS[self.frozen_network]
        self._trunk = known.trunk()
        self._resize = [_bilinear(side, self.feature_size) for side in (height, width)]
        self._double = [_doubling(side) for side in self._sides()]
        views = 2 if channels == 4 else 1
        mixed = [self.filters * 2**index for index in range(4)]  # channels
        self.over_channels = [
            self._projection(views * before, after, f"over_channels_{index}")
            for index, (before, after) in enumerate(zip(known.channels, mixed))
        ]
        self.over_scales = [
            self._projection(before, after, f"over_scales_{index}")
            for index, (before, after) in enumerate(zip(mixed, (self.filters, *mixed)))
        ]

    def call(self, images: Tensor) -> list[Tensor]:
        """Return the maps, finest first."""
        views = [_resized(view, *self._resize) for view in _views(ops.cast(images, "float32"))]
        trunk_maps = self._trunk(ops.concatenate(views) if len(views) > 1 else views[0])
        maps = [
            _project(ops.concatenate(ops.split(trunk_maps[stage], len(views)), axis=-1), *projection)
            for stage, projection in zip(_NETWORKS[self.frozen_network].stages, self.over_channels, strict=True)
        ]
        mixed, x = [], None
        for features, projection, double in zip(maps[::-1], self.over_scales[::-1], self._double[::-1], strict=True):
            x = features if x is None else x + features
            x = _resized(_project(x, *projection), double, double)  # the same as the other way round, for a quarter
            mixed.append(ops.cast(x, self.compute_dtype))
        return mixed[::-1]

    def compute_output_shape(self, input_shape: Shape) -> list[Shape]:
        """Return the shapes of the maps."""
        channels = (self.filters * width for width in (1, 1, 2, 4))
        return [(input_shape[0], 2 * side, 2 * side, width) for side, width in zip(self._sides(), channels)]

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        arguments = {"filters": self.filters, "feature_size": self.feature_size, "network": self.frozen_network}
        return {**super().get_config(), **arguments}

    def _sides(self):
        """Sides of the network's maps, finest first."""
        smallest = self.feature_size // _NETWORKS[self.frozen_network].coarsest
        return [smallest * 2**halving for halving in (3, 2, 1, 0)]

    def _projection(self, inputs, outputs, name):
        """Kernel [inputs, outputs] and bias of a 1x1 convolution, both of PyTorch's first values."""
        bound = 1 / math.sqrt(inputs)
        return tuple(
            self.add_weight(
                shape=shape,
                initializer=keras.initializers.RandomUniform(-bound, bound),
                trainable=False,
                dtype="float32",
                name=f"{name}_{part}",
            )
            for part, shape in (("kernel", (inputs, outputs)), ("bias", (outputs,)))
        )


def _small_critic(x, index, labels, num_classes, filters):
    """Logits [N, places] of a feature map, halved until it is a sixteenth of the finest one."""
    for halving, width in enumerate(_WIDTHS[index + 1 :]):
        name = f"map_{index}_{halving}"
        x = conv(filters * width, 4, name, strides=2)(x)
        x = _parts.synchronized(momentum=0.9, epsilon=1e-5, name=f"{name}_norm")(x)
        x = layers.LeakyReLU(0.2)(x)
    channels = 1 if labels is None else filters
    x = conv(channels, 4, f"map_{index}_logits", padding="valid", use_bias=False)(x)
    if labels is not None:
        normal = keras.initializers.RandomNormal(stddev=1.0)
        embedding = layers.Embedding(num_classes, 2 * filters, normal, name=f"map_{index}_classes")(labels)
        projected = layers.Dense(filters, kernel_initializer=uniform(), name=f"map_{index}_projection")(embedding)
        projected = layers.Reshape((1, 1, filters))(layers.LeakyReLU(0.2)(projected))
        x = ops.sum(x * projected, axis=-1) / math.sqrt(filters)
    return layers.Flatten()(x)


def _checked(shape):
    """Return a shape that ends in height, width and channels; raises `ValueError` if it does not."""
    _parts.check_channels_last()
    sides = tuple(shape) if isinstance(shape, Iterable) else ()
    if len(sides) not in (3, 4) or _parts.whole_numbers(sides[-3:], 3) is None or sides[-1] not in (1, 3, 4):
        raise ValueError(
            f"image_shape: expected (height, width, channels) with 1, 3 or 4 channels; got {quoted(shape)}"
        )
    return sides


def _views(images):
    """What is seen of images [N, H, W, C]: a list of images [N, H, W, 3]."""
    if images.shape[-1] == 4:
        colours, opacity = (images[..., :3] + 1.0) / 2.0, (images[..., 3:] + 1.0) / 2.0
        on_black = 2.0 * colours * opacity - 1.0
        return [on_black, on_black + 2.0 * (1.0 - opacity)]
    return [images if images.shape[-1] == 3 else ops.repeat(images, 3, axis=-1)]


# Bilinear interpolation as a matrix for each axis: any derivative exists, and sums are the same on every device.


def _bilinear(size, to):
    """Matrix [to, size] of the resize with half-pixel centres, antialiased where `to` is smaller."""
    scale = max(1.0, size / to)
    centres = (np.arange(to) + 0.5) * size / to
    return _weights(centres[:, None] - (np.arange(size) + 0.5), scale)


def _doubling(size):
    """Matrix [2 size, size] of the resize in which the first and last pixels stay where they are."""
    places = np.arange(2 * size) * (size - 1) / (2 * size - 1)
    return _weights(places[:, None] - np.arange(size), 1.0)


def _weights(distances, scale):
    weights = np.maximum(0.0, 1.0 - np.abs(distances) / scale)
    return (weights / weights.sum(1, keepdims=True)).astype("float32")


def _resized(x, rows, columns):
    """Resize [N, H, W, C] by a matrix for its rows and one for its columns."""
    _, height, width, channels = x.shape
    x = ops.matmul(rows, ops.reshape(x, (-1, height, width * channels)))
    return ops.matmul(columns, ops.reshape(x, (-1, len(rows), width, channels)))


def _project(x, kernel, bias):
    """A 1x1 convolution."""
    return ops.matmul(x, kernel) + bias
