"""How much one request may ask of a model."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from kerasgan.server.errors import invalid_argument


class Limits:
    """The largest requests that a model takes, by rows of the inputs and by bytes of the outputs."""

    def __init__(self, options, signatures):
        """Make the limits of a model.

        Args:
            options: `ModelOptions`.
            signatures: `{name: SignatureDef}`, whose outputs say how large an answer will be.
        """
        self._max_rows = options.max_rows
        self._max_bytes = options.max_output_bytes
        self._sizes = {
            info.name: _least_size(info) for signature in signatures.values() for info in signature.outputs.values()
        }

    def check_inputs(self, arrays, fetches):
        """Raise `ServingError` INVALID_ARGUMENT if there are too many rows, or if the answer will be too large.

        Args:
            arrays: the inputs.
            fetches: names of the tensors to compute.

        Returns:
            The number of rows.
        """
        rows = max((len(array) for array in arrays if array.ndim), default=0)
        if 0 < self._max_rows < rows:
            raise invalid_argument(
                f"an input has {rows} rows; this server takes at most {self._max_rows} at once (--max-rows)"
            )
        sizes = (self._sizes.get(name, (0, 0)) for name in fetches)
        size = sum(fixed + rows * each for fixed, each in sizes)
        if 0 < self._max_bytes < size:
            raise self._too_large(f"of {rows} rows would be of {size} bytes")
        return rows

    def check_outputs(self, values):
        """Raise `ServingError` INVALID_ARGUMENT if what was computed is too large: shapes may say less before.

        Args:
            values: arrays, or `wire.PackedRows`.
        """
        size = sum(_size(value) for value in values) if self._max_bytes else 0
        if size > self._max_bytes:
            raise self._too_large(f"is of {size} bytes")

    def _too_large(self, text):
        return invalid_argument(
            f"the answer {text}; this server sends at most {self._max_bytes} (--max-output-bytes): "
            "ask for fewer rows at once"
        )


def _least_size(info):
    """Bytes of an output that a SignatureDef describes: `(whatever the rows, for each row)`."""
    dimensions = [dimension.size for dimension in info.tensor_shape.dim]
    is_known = not info.tensor_shape.unknown_rank and all(size >= 0 for size in dimensions[1:])
    if not is_known or info.dtype in (types_pb2.DT_INVALID, types_pb2.DT_STRING):
        return 0, 0  # only the answer will tell
    itemsize = tf.as_dtype(info.dtype).size
    if dimensions and dimensions[0] < 0:
        return 0, math.prod(dimensions[1:]) * itemsize
    return math.prod(dimensions) * itemsize, 0


def _size(value):
    if value.dtype == object:
        return sum(map(len, np.ravel(value)))
    return math.prod(value.shape) * value.dtype.itemsize
