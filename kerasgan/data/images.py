"""Between uint8 images in [0, 255] and float32 images in [-1, 1]."""

import numpy as np
from keras import ops

from kerasgan.utils.tensors import Tensor

ZERO_AND_ONE = "expected values from 0 to 255; got 0 and 1 alone, as floats in [0, 1] have that were made uint8"
UNIT_RANGE = "floats must be in [-1, 1], but these go from {:g} to {:g}; of images in [0, 1] give 2 x - 1"

TO_UNIT = "; of pixels from 0 to 255 give uint8, or x / 127.5 - 1"

LARGEST = 1.001  # of floats in [-1, 1], as sums and products may go beyond 1 by a little
ONE = 1 / 127.5 - 1  # what `to_float` makes of 1


def to_float(images: Tensor | np.ndarray) -> Tensor:
    """`x / 127.5 - 1`: 0 becomes -1, 255 becomes 1.

    Args:
        images: uint8 tensor or array of any shape.

    Returns:
        float32 tensor of the same shape, in [-1, 1]. `to_uint8` gives the input back exactly.
    """
    return ops.cast(images, "float32") / 127.5 - 1.0


def to_uint8(images: Tensor | np.ndarray) -> Tensor:
    """`(x + 1) * 127.5`, rounded to the nearest integer (halves up), values outside [-1, 1] clipped.

    Args:
        images: float tensor or array of any shape, float16 and bfloat16 included.

    Returns:
        uint8 tensor of the same shape.

    Raises:
        ValueError: for an array without a number below 0 and with some above 2, as pixels from 0 to 255 are.
    """
    if isinstance(images, np.ndarray) and images.size and images.min() >= 0 and images.max() > 2:
        raise ValueError(f"images: expected floats in [-1, 1]; got {images.dtype} from 0 to {images.max():g}")
    levels = ops.clip((ops.cast(images, "float32") + 1.0) * 127.5, 0.0, 255.0)
    return ops.cast(ops.floor(levels + 0.5), "uint8")
