"""Statistics files as pytorch-fid and clean-fid keep them: an `.npz` of `mu` and `sigma`, which name no network."""

import functools
import pathlib
import zipfile
from typing import ClassVar

import numpy as np

from kerasgan.data import fingerprints
from kerasgan.metrics.evaluation.extraction import Extracted, Needs
from kerasgan.metrics.evaluation.moments import GivenMoments, Moments
from kerasgan.metrics.features.network import FeatureNetwork
from kerasgan.utils import atomic_files
from kerasgan.utils.annotations import Path
from kerasgan.utils.messages import shortened


class StatisticsReference:
    """A statistics file with which a Frechet distance can be measured, and no other number.

    Args:
        path: `.npz` file of `mu` [D] and `sigma` [D, D].
        network: the `FeatureNetwork` that made the features. The file does not say which: only D is checked.
        image_shape: (H, W, C) of the images to measure.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such file, D is not the network's, or the network cannot judge such images.

    Example:
        >>> network = kerasgan.metrics.features.load("inception-2015-pytorch-fid", "pt_inception.pth")
        >>> reference = kerasgan.metrics.StatisticsReference("cifar10.npz", network, gan.image_shape)
        >>> [distance] = kerasgan.metrics.evaluate(gan, reference, "fid")
    """

    of: ClassVar[tuple[str, ...]] = ("images",)
    class_counts: ClassVar[None] = None
    class_names: ClassVar[None] = None
    count: ClassVar[int] = 0  # not known

    def __init__(self, path: Path, network: FeatureNetwork, image_shape: tuple[int, int, int]):
        network.check(image_shape)
        if network.precision != "float32":
            raise ValueError(
                f"precision: expected float32 with {path}, which does not say what its features were computed in; got "
                f"{network.precision}"
            )
        self.moments = load(path)
        if self.moments.dim != network.features:
            raise ValueError(
                f"{path}: expected statistics of {network.features} features, as {network.name} gives; it holds those "
                f"of {self.moments.dim}"
            )
        self.network = network
        self.image_shape = tuple(image_shape)
        self.name = f"the statistics of {pathlib.Path(path).name}"

    @functools.cached_property
    def data(self) -> str:
        """Fingerprint of the statistics."""
        return fingerprints.of_arrays(self.moments.mean, self.moments.covariance)

    def extracted(self, needs: Needs, seed: int = 0, strategy: object = None) -> Extracted:
        """Return the moments, whatever the seed and the strategy.

        Raises:
            ValueError: if more is needed.
        """
        if needs != Needs():
            raise ValueError(f"metrics: expected fid alone, as {self.name} have no images and no features")
        return Extracted(self.moments)


def save(path: Path, moments: Moments | GivenMoments) -> pathlib.Path:
    """Write moments as pytorch-fid's `--save-stats` does, whole or not at all; returns the path.

    Args:
        path: the `.npz` file.
        moments: of at least two rows.
    """
    path = check_path(path)
    with atomic_files.written_whole(path) as beside, open(beside, "wb") as file:
        np.savez_compressed(file, mu=moments.mean, sigma=moments.covariance)
    return path


def check_path(path: Path) -> pathlib.Path:
    """Return the path of a file to write; `ValueError` unless it ends in `.npz`, by which pytorch-fid knows such."""
    path = pathlib.Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"{path}: expected a name that ends in .npz, by which other programs know statistics")
    return path


def load(path: Path) -> GivenMoments:
    """Read such a file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such file, or its numbers are no mean and covariance.
    """
    path = pathlib.Path(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            mean, covariance = np.array(arrays["mu"], "float64"), np.array(arrays["sigma"], "float64")
    except FileNotFoundError:
        raise
    except (OSError, EOFError, KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: expected an .npz file of mu and sigma ({shortened(error)})") from error
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise ValueError(f"{path}: expected mu [D] and sigma [D, D]; got {mean.shape} and {covariance.shape}")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise ValueError(f"{path}: expected finite numbers; got NaN or infinity")
    if not np.allclose(covariance, covariance.T, rtol=1e-4, atol=1e-6 * np.abs(covariance).max()):
        raise ValueError(f"{path}: expected a symmetric sigma; got one that differs from its transpose")
    return GivenMoments(mean, covariance)


def is_statistics(path: Path) -> bool:
    """Whether a path is a file of statistics: an `.npz` with `mu` and `sigma`."""
    path = pathlib.Path(path)
    if path.suffix != ".npz" or not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as file:
            return {"mu.npy", "sigma.npy"} <= set(file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
