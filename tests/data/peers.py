"""Inputs of the recordings of `tests/data/peers.npz`: drawn by `RandomState`, whose numbers NumPy keeps as they are."""

import pathlib

import numpy as np

FILE = pathlib.Path(__file__).parent / "peers.npz"
FRECHET_CASES = [(200, 300), (30, 500), (30, 35)]  # rows of the two sets; regular, and singular in one or both
RESIZED = (32, 400)  # sides of the images
EVERY = 7  # pixel that is kept of a resized image
KID = dict(kid_subsets=5, kid_subset_size=20, rng_seed=2020, kid_kernel="poly", kid_kernel_poly_degree=3)
SPLITS = 4


def frechet_features(rows, others, dim=60):
    """Two sets of features [rows, dim] and [others, dim]."""
    rng = np.random.RandomState(rows + others)
    return rng.normal(size=(rows, dim)) * np.linspace(0.2, 2, dim), rng.gamma(2.0, size=(others, dim))


def kernel_features():
    """Two sets of features, [60, 33] and [50, 33]."""
    rng = np.random.RandomState(1)
    return rng.gamma(0.5, size=(60, 33)), rng.gamma(0.7, size=(50, 33))


def logits():
    """float64 [53, 12]."""
    return np.random.RandomState(2).normal(0, 3, (53, 12))


def images(height, width):
    """uint8 [2, height, width, 3]."""
    return np.random.RandomState(height).randint(0, 256, (2, height, width, 3)).astype("uint8")


def inception_state(shapes):
    """Weights of the Inception network of 2015 as a PyTorch state dict, from `{name: shape}`."""
    rng, state = np.random.RandomState(3), {}
    bounds = {"running_mean": (-0.3, 0.3), "running_var": (0.5, 1.5), "weight": (0.7, 1.3), "bias": (-0.3, 0.3)}
    for name, shape in sorted(shapes.items()):
        kind = name.rpartition(".")[2]
        if kind == "num_batches_tracked":
            numbers = np.zeros(shape)
        elif name == "fc.weight":
            numbers = rng.normal(0, 0.02, shape)
        elif len(shape) == 4:
            numbers = rng.normal(0, np.sqrt(2.0 / np.prod(shape[1:])), shape)
        else:
            numbers = rng.uniform(*bounds[kind], shape)
        state[name] = numbers.astype("int64" if kind == "num_batches_tracked" else "float32")
    return state
