"""What every feature network has in common."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from kerasgan.data import fingerprints
from kerasgan.data.images import ZERO_AND_ONE
from kerasgan.metrics.evaluation import result
from kerasgan.metrics.features.folding import folded
from kerasgan.utils import classes, precision
from kerasgan.utils.tensors import Tensor
from kerasgan.utils.tf_runtime import FeaturePrecision


@dataclasses.dataclass(frozen=True)
class FeatureNetwork:
    """A network that turns images into features, and perhaps class probabilities, with its way of taking images in.

    Args:
        name: what numbers made with it are called after, without brackets.
        model: `keras.Model` from what `prepare` gives to a dict with "features", float32 [N, D], and where the network
            classifies, "probabilities", float32 [N, K], rows that sum to 1.
        prepare: function of uint8 images [N, H, W, C] as a tensor, to what the model takes. `C` is `channels`.
        preparation: what `prepare` does, in words, for protocols: "bilinear to 299 x 299, (x - 128) / 128".
        channels: 1 where it judges grey images, 3 for colour; grey images become three equal channels then, and RGBA is
            judged on white.
        sides: the heights and widths that it takes, `None` for any.
        definition: what tells it from other networks of the same name and weights, where that is not known of the name.
        precision: "float32", or "bfloat16" for convolutions and products of matrices in bfloat16 that add up in
            float32, on a processor that has instructions for it. It is part of the digest, so that what was seen in one
            precision is not compared with what was seen in the other.
        class_names: of the classes of its probabilities in order; `None` where they are not known.

    Raises:
        ValueError: if the name has brackets, there are not as many names of classes as classes, there is no such
            precision, or the processor has no bfloat16.
    """

    name: str
    model: keras.Model
    prepare: Callable
    preparation: str
    channels: int = 3
    sides: tuple[int, ...] | None = None
    definition: str = ""
    precision: FeaturePrecision = "float32"
    class_names: tuple[str, ...] | None = None

    def __post_init__(self):
        result.metric_name("frechet", self.name)  # raises where numbers cannot be called after it
        classes.checked(self.class_names, self.classes or 0)
        precision.check_features(self.precision)

    @property
    def features(self) -> int:
        """D, numbers in a feature vector."""
        return self._outputs["features"]

    @property
    def classes(self) -> int | None:
        """K, number of classes, or `None`."""
        return self._outputs.get("probabilities")

    @functools.cached_property
    def _outputs(self):
        """The length of each output by its name."""
        return {name: output.shape[1] for name, output in self.model.output.items()}

    @functools.cached_property
    def digest(self) -> str:
        """Fingerprint of weights, definition and precision: others under the same name are another network."""
        # "folded", as bfloat16 rounds kernels after batch norm is in them, and other features were kept before
        told = self.definition if self.precision == "float32" else f"{self.definition} in {self.precision}, folded"
        defined = [np.frombuffer(told.encode(), "uint8")] if told else []
        return fingerprints.of_arrays(*self.model.get_weights(), *defined)

    @functools.cached_property
    def compiled(self) -> Callable[[Tensor | np.ndarray], dict[str, Tensor]]:
        """Function of uint8 images [N, H, W, C], a tensor or array, to the model's dict of tensors; not checked."""
        with tf.init_scope():  # it has variables
            model = folded(self.model)

        def judge(images):
            if self.channels == 3 and images.shape[-1] == 1:
                images = tf.repeat(images, 3, axis=-1)
            elif self.channels == 3 and images.shape[-1] == 4:
                images = _on_white(images)
            return model(self.prepare(images), training=False)

        @functools.cache
        def traced(shape):  # each size and number of channels has a trace of its own, for any number of images
            function = tf.function(judge, input_signature=[tf.TensorSpec([None, *shape], tf.uint8)], autograph=False)
            return precision.rewritten(function) if self.precision == "bfloat16" else function

        return lambda images: traced(tuple(images.shape[1:]))(images)

    def protocol(self, image_shape: Sequence[int]) -> list[str]:
        """What of it changes numbers of images of this shape, (H, W, C), in words, for their protocols."""
        return [
            f"images {self.preparation}",
            *(["transparent pixels on white"] if image_shape[-1] == 4 else []),
            *([] if self.precision == "float32" else [f"features in {self.precision}"]),
        ]

    def check(self, image_shape: Sequence[int]) -> None:
        """Raise `ValueError` unless it can judge uint8 images of this shape, (H, W, C)."""
        height, width, channels = image_shape
        if channels not in ((1, 3, 4) if self.channels == 3 else (self.channels,)):
            wanted = {1: "grey images", 3: "images of 1, 3 or 4 channels"}.get(
                self.channels, f"images of {self.channels} channels"
            )
            raise ValueError(f"images: expected {wanted}, as {self.name} takes; got {channels} channels")
        if self.sides is not None and (height not in self.sides or width not in self.sides):
            wanted = " or ".join(map(str, self.sides))
            raise ValueError(
                f"images: expected {wanted} pixels a side, as {self.name} takes; got {height} x {width}: "
                "efficientnet-lite0 takes any size"
            )

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Judge images.

        Args:
            images: uint8 [N, H, W, C], N at least 1.

        Returns:
            dict of "features", float32 [N, D], and where the network classifies, "probabilities", float32 [N, K].

        Raises:
            ValueError: if the images are none, or not such as it takes.
        """
        images = checked_images(images)
        self.check(images.shape[1:])
        return {name: value.numpy() for name, value in self.compiled(images).items()}


def _on_white(images):
    """RGBA uint8 as RGB, as `kerasgan.data.load` shows it."""
    colours, alpha = tf.cast(images[..., :3], tf.float32), tf.cast(images[..., 3:], tf.float32) / 255
    return tf.cast(tf.floor(colours * alpha + 255 * (1 - alpha) + 0.5), tf.uint8)


def checked_images(images, name: str = "images") -> np.ndarray:
    """Return images as a uint8 array [N, H, W, C].

    Raises:
        ValueError: if they are anything else; of floats it says their range, which tells what they are.
    """
    try:
        images = np.asarray(images)
    except ValueError as error:  # a list of images of different sizes
        raise ValueError(f"{name}: expected one array, uint8 [N, H, W, C]; got images of different sizes") from error
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
        given = f"{images.dtype} of shape {images.shape}"
        if images.dtype.kind == "f" and images.size:
            given += (
                f" with numbers from {images.min():g} to {images.max():g}; of floats in [-1, 1] kerasgan.data.to_uint8 "
                'makes them, of floats in [0, 1] (255 * images).round().astype("uint8")'
            )
        raise ValueError(f"{name}: expected uint8 images [N, H, W, C] with values from 0 to 255; got {given}")
    return images


def check_range(greatest: int, name: str = "images") -> None:
    """Raise `ValueError` where the greatest value of all images is 1, as of floats in [0, 1] that became uint8."""
    if greatest == 1:
        raise ValueError(f"{name}: {ZERO_AND_ONE}")
