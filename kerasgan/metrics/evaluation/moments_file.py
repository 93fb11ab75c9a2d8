"""Moments of features kept on disk with what they are of: references for Frechet distances."""

import dataclasses
import json
import pathlib
import zipfile
from typing import Self

import numpy as np

from kerasgan.metrics import frechet
from kerasgan.metrics.evaluation import result
from kerasgan.metrics.evaluation.moments import GivenMoments, Moments
from kerasgan.utils import atomic_files, validation
from kerasgan.utils.annotations import Path
from kerasgan.utils.messages import shortened

_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Moments of one set of images' features.

    Args:
        moments: `Moments`.
        network: name of the network that made the features.
        name: what the images are, such as "cifar10 train", or what made them.
        data: `kerasgan.data.fingerprints.of_arrays` of the images; "" of generated ones.
    """

    moments: Moments
    network: str
    name: str
    data: str

    def save(self, path: Path) -> pathlib.Path:
        """Write them to an .npz file, whole or not at all; returns its path."""
        path = pathlib.Path(path)
        facts = {"format": _FORMAT, "network": self.network, "name": self.name, "data": self.data}
        with atomic_files.written_whole(path) as beside, open(beside, "wb") as file:
            np.savez(
                file,
                facts=json.dumps(facts),
                count=self.moments.count,
                mean=self.moments.mean,
                scatter=self.moments.scatter,
            )
        return path

    @classmethod
    def load(cls, path: Path, network: str, data: str | None = None) -> Self:
        """Read what `save` wrote.

        Args:
            path: the file.
            network: name of the network whose features are wanted.
            data: fingerprint of the images that are wanted; `None` for any.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is no such file, or of another network or other images.
        """
        path = pathlib.Path(path)
        try:
            with np.load(path, allow_pickle=False) as arrays:
                facts = json.loads(str(arrays["facts"]))
                moments = Moments.restored(int(arrays["count"]), arrays["mean"], arrays["scatter"])
            statistics = cls(moments, facts["network"], facts["name"], facts["data"])
        except FileNotFoundError:
            raise
        except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: not a readable file of statistics ({shortened(error)})") from error
        if statistics.network != network:
            raise ValueError(
                f"{path}: expected features of the network {network}; it holds those of {statistics.network}"
            )
        if data is not None and statistics.data != data:
            raise ValueError(f"{path}: expected statistics of the data {data}; it holds those of {statistics.data}")
        return statistics


def frechet_result(
    generated: Statistics,
    reference: Statistics,
    seed: int,
    weights: str = "",
    notes: tuple[str, ...] = (),
    network_weights: str = "",
) -> result.Result:
    """Measure the Frechet distance of generated images to a reference, with its protocol.

    Args:
        generated: their statistics.
        reference: those of the reference, of the same network.
        seed: of the generated images.
        weights: which weights generated, as for `kerasgan.metrics.evaluation.result.Protocol`.
        notes: anything else that changes the number.
        network_weights: fingerprint of the network's weights, where it is known.

    Returns:
        `Result` named `fid[inception-2015...]` or `fd[network]`; it warns where the samples are few.

    Raises:
        ValueError: if the networks differ, or one has fewer than two images.
    """
    validation.several("notes", notes)
    if generated.network != reference.network:
        raise ValueError(
            f"reference: expected features of the network {generated.network}, as the generated images' are; got those "
            f"of {reference.network}"
        )
    counts = generated.moments.count, reference.moments.count
    value = frechet.from_moments(generated.moments, reference.moments)
    made = result.Protocol(
        network=generated.network,
        samples=counts[0],
        reference=reference.name,
        reference_samples=counts[1],
        data=reference.data,
        features=reference.moments.dim,
        seed=seed,
        weights=weights,
        notes=notes,
        model=generated.name,
        network_weights=network_weights,
    )
    caveats = frechet_caveats(generated.moments, reference.moments)
    return result.Result(measure="frechet", value=value, protocol=made, caveats=caveats)


def frechet_caveats(generated: Moments, reference: Moments | GivenMoments) -> tuple[str, ...]:
    """Return what must be said of a Frechet distance where one set is small, with the distance to expect; else ()."""
    if reference.count is None:
        return result.few_samples(generated.count, generated.dim)
    counts = generated.count, reference.count
    if not result.few_samples(min(counts), reference.dim):
        return ()
    expected = frechet.expected_distance(reference.covariance, *counts)
    return result.few_samples(min(counts), reference.dim, expected)
