"""What Keras's layers compute, in NumPy, slowly; and random weights with which to compare."""

import keras
import numpy as np

import kerasgan


def randomize(network, kernels=0.3):
    """Give every weight a value of its own, so that no layer is a no-op; `kernels` is the deviation of kernels."""
    rng = np.random.default_rng(0)
    for weight in network.weights:
        value = rng.normal(0, kernels if weight.path.endswith("kernel") else 0.3, weight.shape)
        weight.assign(np.abs(value) + 0.5 if weight.path.endswith("variance") else value)
    return network


def weights_of(network, kind, **attributes):
    """Iterate over the weights of the layers of a kind, from input to output."""
    for layer in network.layers:
        is_kind = kind is not None and isinstance(layer, kind)
        if is_kind and all(getattr(layer, name) == value for name, value in attributes.items()):
            yield [value.astype("float64") for value in layer.get_weights()]


def parameters(network):
    return sum(int(np.prod(weight.shape)) for weight in network.trainable_variables)


def relu(x):
    return np.maximum(x, 0)


def leaky_relu(x, slope):
    return np.where(x > 0, x, slope * x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(x, kernel, bias=0.0):
    return x @ kernel + bias


def conv2d(x, kernel, bias=0.0, stride=1, padding="same"):
    """x [N, H, W, C], kernel [k, k, C, F]; padded as TensorFlow does for H and W divisible by the stride."""
    size = kernel.shape[0]
    if padding == "same":
        total = max(size - stride, 0)
        x = np.pad(x, ((0, 0), *((total // 2, total - total // 2),) * 2, (0, 0)))
    rows, columns = ((length - size) // stride + 1 for length in x.shape[1:3])
    out = np.zeros((len(x), rows, columns, kernel.shape[-1]))
    for i in range(size):
        for j in range(size):
            out += x[:, i : i + rows * stride : stride, j : j + columns * stride : stride] @ kernel[i, j]
    return out + bias


def conv2d_transpose(x, kernel, bias=0.0):
    """x [N, H, W, C], kernel [k, k, F, C], stride 2: every input spreads the kernel around its place."""
    size = kernel.shape[0]
    n, rows, columns, _ = x.shape
    out = np.zeros((n, 2 * rows + size - 2, 2 * columns + size - 2, kernel.shape[2]))
    for i in range(size):
        for j in range(size):
            out[:, i : i + 2 * rows : 2, j : j + 2 * columns : 2] += x @ kernel[i, j].T
    before = (size - 2) // 2
    return out[:, before : before + 2 * rows, before : before + 2 * columns] + bias


def conv1d(x, kernel, bias=0.0):
    """x [N, L, C], kernel [k, C, F]; stride 1."""
    half = kernel.shape[0] // 2
    padded = np.pad(x, ((0, 0), (half, half), (0, 0)))
    return sum(padded[:, i : i + x.shape[1]] @ kernel[i] for i in range(len(kernel))) + bias


def upsample(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def mean_pool(x):
    n, rows, columns, channels = x.shape
    return x.reshape(n, rows // 2, 2, columns // 2, 2, channels).mean(axis=(2, 4))


def batch_norm(x, gain, bias, mean, variance, epsilon=1e-5):
    """Batch norm at inference."""
    return (x - mean) / np.sqrt(variance + epsilon) * gain + bias


def layer_norm(x, gain, bias, epsilon=1e-5):
    axes = tuple(range(1, x.ndim))
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon) * gain + bias


DENSE, CONV, TRANSPOSE = keras.layers.Dense, keras.layers.Conv2D, keras.layers.Conv2DTranspose
CONV1D, BATCH_NORM, LAYER_NORM = (
    keras.layers.Conv1D,
    keras.layers.BatchNormalization,
    kerasgan.layers.SampleNormalization,
)
