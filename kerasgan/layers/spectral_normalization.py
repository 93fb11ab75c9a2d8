"""Spectral normalization: a layer that computes with its kernel divided by the kernel's largest singular value."""

import math

import keras
from keras import ops

from kerasgan.layers import wrapped
from kerasgan.utils import validation
from kerasgan.utils.annotations import Config, Shape
from kerasgan.utils.tensors import Tensor, product

# The axis of the kernel that is the rows of the paper's matrix W: the output channels; of an embedding its entries.
_ROWS = {
    keras.layers.Dense: -1,
    keras.layers.Conv1D: -1,
    keras.layers.Conv2D: -1,
    keras.layers.Conv2DTranspose: -2,
    keras.layers.Embedding: 0,
}

# From a random u the estimate is too low, and W / sigma too large: with kernels [4, 4, 64, 128] from N(0, 0.02) its
# norm is about 1.21 after one iteration and 1.02 after 15. PyTorch starts with 15 as well.
_FIRST_ITERATIONS = 15


@keras.saving.register_keras_serializable(package="kerasgan")
class SpectralNormalization(keras.layers.Wrapper):
    """Make a layer compute with W / sigma(W), where sigma(W) is the largest singular value of its kernel W.

    Miyato, Kataoka, Koyama and Yoshida 2018, "Spectral normalization for generative adversarial networks",
    arXiv:1802.05957. W is the kernel as a matrix with a row for each output channel (for an embedding, as it is);
    a dense layer becomes 1-Lipschitz, a convolution only up to a factor that its kernel size and stride bound.
    sigma = u^T W v, where the power method makes u and v approach the first singular vectors. They count as
    constants in gradients, which therefore go through sigma (the paper's equation 12). The kernel itself, which
    the optimizer moves, is never overwritten, and the bias is left alone.

    u and v move only in `update()`, to be called once before each optimizer step; calls of the layer, in training
    or not, leave them, so that all calls of one step see the same kernel. `keras.layers.SpectralNormalization` is
    another algorithm: it overwrites the kernel in each training call, and the gradient misses sigma.

    Call it with what the layer takes; it returns what the layer returns. In replica context every replica updates
    its own u and v, with equal results. After giving the kernel a value of your own, call `update()`. A kernel of
    zeros has no spectral normalization: the result is NaN. `quantize`, of the layer or of a model that it is in, and
    `enable_lora` raise `ValueError`: sigma would be that of another kernel.

    Args:
        layer: a `Dense`, `Conv1D`, `Conv2D`, `Conv2DTranspose` or `Embedding` layer of Keras.
        power_iterations: iterations of the power method in an `update()`.
        epsilon: positive number, least norm by which u and v are divided.
        u_initializer: Keras initializer of u (normalized and put through 15 iterations when the layer is built).
        **kwargs: `name`, `trainable` and `dtype` (by default the layer's) of a Keras layer.

    Attributes:
        u: non-trainable variable [rows of W].
        v: non-trainable variable [columns of W]; a convolution's columns go by height, width, input channel.

    Raises:
        ValueError: if the layer is of another type, has LoRA weights or is quantized, or a number is not positive.
    """

    def __init__(
        self,
        layer: keras.layers.Layer,
        power_iterations: int = 1,
        epsilon: float = 1e-12,
        u_initializer: str | keras.initializers.Initializer = "random_normal",
        **kwargs,
    ):
        rows = [axis for kind, axis in _ROWS.items() if isinstance(layer, kind)]
        if not rows:
            supported = ", ".join(kind.__name__ for kind in _ROWS)
            raise ValueError(f"layer: expected one of {supported}; got {type(layer).__name__}")
        if getattr(layer, "lora_rank", None) or layer.quantization_mode:
            raise ValueError(f"layer: expected no LoRA and no quantization; {layer.name} has one")
        validation.positive("epsilon", epsilon)
        layer.enable_lora = layer.quantize = self._refuse  # which a model's `quantize` calls
        super().__init__(layer, **{"dtype": layer.dtype_policy, **kwargs})
        self.supports_masking = layer.supports_masking
        self.power_iterations = validation.integer("power_iterations", power_iterations, 1)
        self.epsilon = epsilon
        self.u_initializer = keras.initializers.get(u_initializer)
        self._rows = rows[0]

    def build(self, input_shape: Shape | None = None) -> None:
        """Build the layer, and u and v from its kernel.

        Args:
            input_shape: shape of the layer's inputs.
        """
        super().build(input_shape)
        shape = self.kernel.shape
        rows = shape[self._rows]
        options = {"trainable": False, "dtype": self.kernel.dtype}
        self.u = self.add_weight(name="u", shape=(rows,), initializer=self._first_u, **options)
        self.v = self.add_weight(name="v", shape=(math.prod(shape) // rows,), initializer=self._first_v, **options)

    @property
    def kernel(self) -> keras.Variable:
        """The layer's kernel (or embeddings) variable W, not normalized."""
        return self.layer.embeddings if isinstance(self.layer, keras.layers.Embedding) else self.layer.kernel

    @property
    def sigma(self) -> Tensor:
        """u^T W v, a scalar tensor: the largest singular value of W, as far as the power method has come."""
        u, v = (ops.stop_gradient(ops.cast(vector, self.variable_dtype)) for vector in (self.u, self.v))
        return ops.sum(v * product(self._columns_by_rows(), u))

    def update(self) -> None:
        """Move u and v by `power_iterations` iterations of the power method: v = W^T u, u = W v, both normalized."""
        u, v = self._iterate(self.u, self.power_iterations)
        self.u.assign(u)
        self.v.assign(v)

    def call(self, inputs: Tensor) -> Tensor:
        """Call the layer with W / sigma for its kernel; arguments and result are the layer's."""
        return wrapped.call_with(self, self.kernel, ops.divide(self._kernel_value(), self.sigma), inputs)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Tensor | None:
        """Return the layer's mask."""
        return self.layer.compute_mask(inputs, previous_mask)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the layer's output shape."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> Config:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "power_iterations": self.power_iterations,
            "epsilon": self.epsilon,
            "u_initializer": keras.initializers.serialize(self.u_initializer),
        }

    def _refuse(self, *arguments, **options):
        raise ValueError(
            f"{self.layer.name}: expected no LoRA and no quantization under spectral normalization ({self.name}), "
            "which divides the whole kernel by its largest singular value"
        )

    def _kernel_value(self):
        """The kernel in the variables' own type: half precision would spoil the sum that sigma is."""
        return ops.cast(self.kernel, self.variable_dtype)

    def _columns_by_rows(self):
        """W^T [columns, rows]: for most layers the kernel reshaped, without moving a number."""
        kernel = ops.moveaxis(self._kernel_value(), self._rows, -1)
        return ops.reshape(kernel, (-1, kernel.shape[-1]))

    def _iterate(self, u, iterations):
        transposed = self._columns_by_rows()
        for _ in range(iterations):
            v = self._normalize(product(transposed, u))
            u = self._normalize(product(ops.transpose(transposed), v))
        return u, v

    def _normalize(self, vector):
        return ops.divide(vector, ops.maximum(ops.norm(vector), self.epsilon))

    def _first_u(self, shape, dtype):
        return self._iterate(self._normalize(self.u_initializer(shape, dtype)), _FIRST_ITERATIONS)[0]

    def _first_v(self, shape, dtype):
        return self._normalize(product(self._columns_by_rows(), self.u))
