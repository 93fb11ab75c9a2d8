"""The sum of branches, as one operation of TensorFlow's that `kerasgan.precision` may compute in bfloat16."""

from collections.abc import Sequence

import keras

from kerasgan.utils import backend
from kerasgan.utils.tensors import Tensor


@keras.saving.register_keras_serializable(package="kerasgan")
class Add(keras.layers.Add):
    """Keras's `Add`, which stays in bfloat16 between convolutions that are computed in it.

    Its arguments and numbers are those of Keras's layer. On TensorFlow the sum is `AddN`, the operation that adds up
    the gradients of branches too, and not `AddV2`, which losses and accumulated gradients are made of: so
    `kerasgan.precision("bfloat16")` can tell a sum of features from one that has to be float32. And the network's
    convolutions are fused with their biases and ReLUs: with Keras's sum in a residual network TensorFlow often fuses
    none, on a processor.

    Example:
        >>> x = kerasgan.layers.Add()([shortcut, x])
    """

    def _merge_function(self, inputs: Sequence[Tensor]) -> Tensor:
        if not backend.is_tensorflow() or len({tuple(x.shape) for x in inputs}) > 1:  # AddN does not broadcast
            return super()._merge_function(inputs)
        return add_branches(inputs)


def add_branches(branches: Sequence[Tensor]) -> Tensor:
    """Return the sum of tensors of one shape as `Add` takes it on TensorFlow.

    Args:
        branches: float [N, ...] each.
    """
    import tensorflow as tf  # other backends have none

    # Without `ensure_shape` TensorFlow tries to fuse a convolution with the sum, and its whole pass fails.
    return tf.add_n([tf.ensure_shape(x, x.shape) for x in branches])
