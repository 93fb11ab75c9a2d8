"""What a client asks of gRPC and REST alike."""

import os
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .served_classes import Classes

# name -> "inputs" and "outputs" -> name -> NumPy's name of the dtype
Signatures = dict[str, dict[str, dict[str, str]]]
# files of the authorities to trust, of the client's own certificate and of its key
_Path = str | os.PathLike[str] | None
Certificates = tuple[_Path, _Path, _Path]


class Transport(Protocol):
    """One model of one server."""

    address: str

    def predict(
        self,
        inputs: Mapping[str, npt.ArrayLike],
        signature: str,
        version: int | None,
        signatures: Callable[..., Signatures],
    ) -> dict[str, np.ndarray]:
        """Return the outputs of a signature; `signatures` is `Client.signatures`, which keeps what is known."""

    def signatures(self, version: int | None) -> Signatures:
        """Return what the signatures of a version take and give."""

    def classes(self, version: int | None) -> Classes:
        """Return what the server tells of a version's classes."""

    def close(self) -> None:
        """Let the connections go."""
