"""A PyTorch state dict from which each tensor is taken once, so that none is missed and none is left."""

import numpy as np

from kerasgan.utils.messages import shortened


class StateDict:
    """The tensors of a state dict, taken by name.

    Args:
        tensors: mapping of names to arrays (or CPU tensors of PyTorch).
        what: what they belong to, for messages.
    """

    def __init__(self, tensors, what):
        self._tensors = dict(tensors)
        self._left = set(self._tensors)
        self.what = what

    def __contains__(self, name):
        return name in self._tensors

    def shape(self, name, axes):
        """Return the shape of a tensor without taking it; `ValueError` if none of that name has so many axes."""
        shape = tuple(np.shape(self._get(name)))
        if len(shape) != axes:
            raise ValueError(f"{self.what}: expected {name} of {axes} axes; got shape {shape}")
        return shape

    def take(self, name, shape=None):
        """Return a tensor as a float32 array.

        Raises:
            ValueError: if there is none of that name, or it has not the shape that is expected.
        """
        array = np.asarray(self._get(name), dtype=np.float32)
        self._left.discard(name)
        if shape is not None and array.shape != tuple(shape):
            raise ValueError(f"{self.what}: expected {name} of shape {tuple(shape)}; got {array.shape}")
        return array

    def finish(self, ignored=()):
        """Raise `ValueError` if tensors are left whose names do not end in one of `ignored`."""
        left = sorted(name for name in self._left if not name.endswith(tuple(ignored)))
        if left:
            more = f" and {len(left) - 5} more" if len(left) > 5 else ""
            raise ValueError(f"{self.what}: expected no tensor {shortened(', '.join(left[:5]))}{more}")

    def _get(self, name):
        if name not in self._tensors:
            raise ValueError(f"{self.what}: expected a tensor {name}; there is none")
        return self._tensors[name]


def assign_spectral(layer, weight, bias, u, v=None):
    """Give a `SpectralNormalization` a kernel and its singular vectors.

    Args:
        layer: `SpectralNormalization` of a dense, convolution or embedding layer.
        weight: array in PyTorch's layout: [out, in], [out, in, h, w], or [entries, dim] of an embedding.
        bias: array [out], or `None`.
        u: array [rows]. With `v` it is stored as it is; without, both move by one iteration of the power method, as
            ajbrock/BigGAN-PyTorch does whenever it uses the weight.
        v: array [columns] in PyTorch's order, or `None`.
    """
    rows = weight.shape[0]
    matrix = _columns_last(weight).reshape(rows, -1).astype(np.float64)
    if v is None:
        v = matrix.T @ u
        v /= max(np.linalg.norm(v), layer.epsilon)
        u = matrix @ v
        u /= max(np.linalg.norm(u), layer.epsilon)
    else:
        v = _columns_last(np.reshape(v, (1, *weight.shape[1:]))).ravel()
    is_embedding = layer.kernel is getattr(layer.layer, "embeddings", None)
    layer.kernel.assign(weight if is_embedding else np.moveaxis(_columns_last(weight), 0, -1))
    layer.u.assign(u)
    layer.v.assign(v)
    if bias is not None:
        layer.layer.bias.assign(bias)


def _columns_last(weight):
    """[out, in, h, w] to [out, h, w, in]; other arrays as they are."""
    return np.transpose(weight, (0, 2, 3, 1)) if weight.ndim == 4 else weight
