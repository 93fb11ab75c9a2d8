"""What a client asks of gRPC and REST alike."""

import os
import ssl
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


def tls_context(certificates: Certificates, password: Callable[[], str] | None = None) -> ssl.SSLContext:
    """Return a context with these files.

    Args:
        certificates: the files.
        password: function that returns the key's; by default OpenSSL asks at the terminal where a key has one.

    Raises:
        OSError: if a file cannot be read; it names it.
        ValueError: if there is no certificate in one, or the key is not the certificate's.
    """
    authorities, certificate, key = certificates
    for name, path in zip(("ca_file", "certificate_file", "key_file"), certificates):
        if path is not None:
            try:
                open(path, "rb").close()  # `ssl` does not name the file that it cannot open
            except OSError as error:
                raise type(error)(f"{name}: cannot read {path}: {error.strerror}") from error
    try:
        context = ssl.create_default_context(cafile=authorities)
    except ssl.SSLError as error:
        raise ValueError(f"ca_file: expected certificates in PEM; got {authorities} ({error})") from error
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key, password)
        except ssl.SSLError as error:
            raise ValueError(
                "certificate_file, key_file: expected a certificate and its key in PEM; got "
                f"{certificate} and {key} ({error})"
            ) from error
    return context


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
