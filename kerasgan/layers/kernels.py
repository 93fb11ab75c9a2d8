"""Singular values of a network's kernels: which kernels there are, and following their largest values in training."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasgan.layers import SpectralNormalization
from kerasgan.layers.spectral_normalization import _ROWS
from kerasgan.utils import validation
from kerasgan.utils.tensors import product

_SPARE = 5  # singular vectors that are followed beyond those asked for, so that close values are told apart
_DEPTH = 3  # powers of W W^T that a round adds to the subspace
_TOLERANCE = 2e-4  # relative error at which a value counts as found; below the promised 1e-3
_MOST_ROUNDS = 100
_TINY = 1e-12


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel:
    """A kernel W of a network.

    Attributes:
        name: names of the layers that it is in, from the outermost to its own, or to the one that normalizes it.
        variable: `keras.Variable` of any shape; W itself, before any normalization.
        rows: axis of the variable that is the rows of W: the output channels; of an embedding its entries.
        is_embedding: whether it is an embedding's.
    """

    name: str
    variable: keras.Variable
    rows: int
    is_embedding: bool = False

    @property
    def shape(self):
        """(rows, columns) of W."""
        rows = self.variable.shape[self.rows]
        return rows, int(np.prod(self.variable.shape)) // rows

    def matrix(self):
        """Return W, a tensor [rows, columns]; a convolution's columns go by height, width, input channel."""
        return ops.reshape(ops.moveaxis(self.variable, self.rows, 0), self.shape)

    def wide(self):
        """Return W or its transpose, whichever has no more rows than columns, as float32."""
        matrix = ops.cast(self.matrix(), "float32")
        return matrix if self._is_wide else ops.transpose(matrix)

    def unfold(self, wide):
        """Return a matrix of the shape of `wide()` in the variable's shape and dtype; the inverse of `wide()`."""
        matrix = wide if self._is_wide else ops.transpose(wide)
        shape = list(self.variable.shape)
        rows = shape.pop(self.rows)
        folded = ops.moveaxis(ops.reshape(matrix, (rows, *shape)), 0, self.rows)
        return ops.cast(folded, self.variable.dtype)

    @property
    def _is_wide(self):
        return self.shape[0] <= self.shape[1]


def kernels(network):
    """Find the kernels of a network: of dense layers, convolutions, transposed convolutions and embeddings.

    Args:
        network: built `keras.Model`; nested layers and those inside `SpectralNormalization` count as well.

    Returns:
        list of `Kernel`, each kernel once, in the order of the layers.
    """
    all_kernels, seen, names = [], set(), set()
    for layer, path in _layers(network):
        rows = [axis for kind, axis in _ROWS.items() if isinstance(layer, kind)]
        if not rows:
            continue
        is_embedding = isinstance(layer, keras.layers.Embedding)
        variable = layer.embeddings if is_embedding else layer.kernel
        if id(variable) in seen:
            continue
        name, again = path, 1
        while name in names:  # two layers in one may share a name
            again += 1
            name = f"{path}_{again}"
        seen.add(id(variable))
        names.add(name)
        all_kernels.append(Kernel(name, variable, rows[0], is_embedding))
    return all_kernels


def improve(matrix, left, depth=1):
    """Take one round of block Krylov iteration towards the first singular vectors of a matrix A.

    The best approximations (Rayleigh-Ritz) within the space of `left`, A A^T `left`, ... (A A^T)^depth `left`;
    orthogonal (QR) in every stage. The more powers of a round are kept, the fewer rounds it takes where singular
    values are close, as those of new orthogonal weights are, and those of random ones (Musco and Musco 2015,
    arXiv:1504.05477, algorithm 2).

    Args:
        matrix: A, float32 [n, m], n <= m.
        left: float32 [n, p], orthonormal columns.
        depth: positive integer.

    Returns:
        left singular vectors [n, p], singular values [p] in descending order, right singular vectors [m, p].
    """
    transposed = ops.transpose(matrix)
    blocks = [left]
    for _ in range(depth):
        blocks.append(_orthonormal(ops.matmul(matrix, ops.matmul(transposed, blocks[-1]))))
    right = _orthonormal(ops.matmul(transposed, _orthonormal(ops.concatenate(blocks, axis=1))))
    # A right = (q turn) values (right other^T)^T
    q, r = ops.qr(ops.matmul(matrix, right))
    turn, values, other = ops.svd(r, full_matrices=False)
    count = ops.shape(left)[1]
    return ops.matmul(q, turn)[:, :count], values[:count], ops.matmul(right, ops.transpose(other))[:, :count]


@tf.function(
    input_signature=[
        tf.TensorSpec([None, None], "float32"),
        tf.TensorSpec([None, None], "float32"),
        tf.TensorSpec([], "int32"),
    ]
)
def settle(matrix, left, k):
    """Improve singular vectors of a matrix A until its first k singular values are known to about 2e-4.

    Args:
        matrix: A, float32 [n, m], n <= m.
        left: float32 [n, p] with orthonormal columns, p >= k: where to start.
        k: integer, number of values that count.

    Returns:
        as of `improve`.
    """
    transposed = tf.transpose(matrix)

    def unknown(count, error, left, values, right):
        wanted = _TOLERANCE * values[:k] + 1e-6 * values[0]
        return (count < _MOST_ROUNDS) & ((count == 0) | tf.reduce_any(error[:k] > wanted))

    def round_(count, error, left, values, right):
        left, values, right = improve(matrix, left, _DEPTH)
        # A right = left values holds; what A^T left = right values misses bounds the error, and so does, where the
        # values beyond those followed lie lower, its square divided by that gap
        missing = tf.norm(tf.matmul(transposed, left) - right * values, axis=0)
        gap = tf.maximum(values - values[-1], 1e-7 * values[0])
        error = tf.minimum(missing, tf.math.divide_no_nan(missing**2, gap))
        return count + 1, error, left, values, right

    width = tf.shape(left)[1]
    nothing = tf.zeros([width])
    state = (0, nothing, left, nothing, tf.zeros([tf.shape(matrix)[1], width]))
    shapes = (tf.TensorShape([]), *(tf.TensorShape(s) for s in ([None], [None, None], [None], [None, None])))
    _, _, left, values, right = tf.while_loop(unknown, round_, state, shapes)
    return left, values, right


class TopSingularValues:
    """The first singular values of kernels, found anew at each call from where the last one left.

    A call takes block Krylov iterations on the smaller side of each kernel until the values are known to a relative
    1e-3 (see `improve`); the first takes some rounds, and where kernels have moved little since the last call one is
    enough. One of the directions is drawn anew at each call, so that what grows outside of those followed is found.

    Args:
        kernels: list of `Kernel`.
        k: positive integer, number of values.

    Raises:
        ValueError: if `k` is not a positive integer.
    """

    def __init__(self, kernels, k=3):
        self.kernels = list(kernels)
        self.k = validation.integer("k", k, 1)
        self._random = np.random.default_rng(0)
        self._left = [None] * len(self.kernels)

    def __call__(self):
        """Return float32 [kernels, k], descending; NaN where a kernel has no such value, and where it is not finite."""
        values = np.full([len(self.kernels), self.k], np.nan, "float32")
        for index, kernel in enumerate(self.kernels):
            found = self._of(index, kernel.wide())
            values[index, : len(found)] = found
        return values

    def _of(self, index, matrix):
        side = matrix.shape[0]
        count = min(self.k, side)
        if not bool(ops.all(ops.isfinite(matrix))):
            self._left[index] = None
            return [np.nan] * count
        if self._left[index] is None:
            left = self._random.standard_normal([side, min(self.k + _SPARE, side)])
        else:
            left = np.array(self._left[index])
            left[:, -1] = self._random.standard_normal(side)
        left = np.linalg.qr(left)[0].astype("float32")
        self._left[index], values, _ = settle(matrix, left, count)
        return values[:count].numpy()


def first_right(matrix, count):
    """Return the first right singular vectors of a matrix, float32 [n, m] with count <= n <= m: float32 [m, count]."""
    side = matrix.shape[0]
    numbers = np.random.default_rng(0).standard_normal([side, min(count + _SPARE, side)])
    return settle(matrix, np.linalg.qr(numbers)[0].astype("float32"), count)[2][:, :count]


def follow(matrix, right):
    """Take one iteration of the power method with two vectors (or one), as cheap as a step of training can afford.

    right becomes A^T (A right), orthogonal in both stages, and is turned to the best approximations (Rayleigh-Ritz)
    in closed form. Of a kernel of zeros the vectors stay what they are.

    Args:
        matrix: A, float32 [n, m], n <= m.
        right: float32 [m, p], orthonormal columns; p is 1 or 2.

    Returns:
        left singular vectors [n, p], singular values [p] in descending order, right singular vectors [m, p].
    """
    left = _gram_schmidt(products(matrix, right))
    right = products(ops.transpose(matrix), left) + _TINY * right
    if right.shape[1] == 2:
        gram = products(ops.transpose(right), right)
        angle = ops.arctan2(2 * gram[0, 1], gram[0, 0] - gram[1, 1]) / 2
        cos, sin = ops.cos(angle), ops.sin(angle)
        turn = ops.stack([ops.stack([cos, -sin]), ops.stack([sin, cos])])
        left, right = products(left, turn), products(right, turn)
    values = ops.norm(right, axis=0)
    return left, values, right / ops.maximum(values, _TINY)


def products(matrix, columns):
    """Return a matrix times one or two columns, [n, p]: the products of a training step, in float32 in all precisions.

    Args:
        matrix: float32 [n, m].
        columns: float32 [m, p].
    """
    return ops.stack([product(matrix, columns[:, k]) for k in range(columns.shape[1])], axis=1)


def _layers(layer, path=""):
    """Yield the layers inside a layer with their paths, in order; what spectral normalization wraps has its path."""
    for inner in layer._flatten_layers(include_self=False, recursive=False):
        inner_path = path if isinstance(layer, SpectralNormalization) else f"{path}/{inner.name}".lstrip("/")
        yield inner, inner_path
        yield from _layers(inner, inner_path)


def _orthonormal(columns):
    return ops.qr(columns)[0]


def _gram_schmidt(columns):
    """Make one or two columns orthonormal; a column of zeros stays one."""
    first = unit(columns[:, 0])
    if columns.shape[1] == 1:
        return first[:, None]
    second = columns[:, 1]
    for _ in range(2):  # twice, because the first difference may be mostly rounding errors
        second = unit(second - first * ops.sum(first * second))
    return ops.stack([first, second], axis=1)


def unit(vector):
    """Return a vector divided by its norm; zeros stay zeros."""
    return vector / ops.maximum(ops.norm(vector), _TINY)
