"""Images from a served generator, over gRPC or REST, without TensorFlow.

    client = kerasgan.client.connect("127.0.0.1:8500", model="biggan")           # gRPC
    client = kerasgan.client.connect("http://127.0.0.1:8501", model="biggan")    # REST
    images = client.generate(4, seed=7, labels="Bag", truncation=0.5)            # uint8 [4, H, W, C]

The server may be `kerasgan serve` or TensorFlow Serving itself. Over REST prefer `png=True`: raw images as
JSON are three times as large as over gRPC and take some ten times as long.

This package and what it imports are also the package `kerasgan_client` of the distribution `kerasgan-client`
(see client/), for machines without TensorFlow; so they import one another relatively, and nothing else of kerasgan.
"""

import functools
import math
import numbers
import operator
import os
import urllib.parse
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..utils import classes
from .served_classes import Classes
from .transport import Signatures, Transport

Path = str | os.PathLike[str]
Labels = int | str | Sequence[int | str] | np.ndarray

DEFAULT_GRPC_PORT = 8500
DEFAULT_REST_PORT = 8501

_DEFAULT_PORTS = {"grpc": DEFAULT_GRPC_PORT, "grpcs": DEFAULT_GRPC_PORT, "http": DEFAULT_REST_PORT, "https": 443}
_WITH_TLS = ("grpcs", "https")


def connect(
    address: str,
    model: str,
    timeout: float = 10.0,
    request_timeout: float = 300.0,
    *,
    ca_file: Path | None = None,
    certificate_file: Path | None = None,
    key_file: Path | None = None,
) -> "Client":
    """Make a client for one model of a server. Nothing is sent yet.

    Args:
        address: `host:port` for gRPC, `http://host:port` for REST; with TLS `grpcs://host:port` and
            `https://host:port`. The port may be left out: 8500 for gRPC, 8501 for http, 443 for https.
        model: name of the model.
        timeout: seconds to wait for the server to be available, trying again meanwhile.
        request_timeout: seconds that one request may take once it is.
        ca_file: PEM file of the authorities that may have signed the server's certificate; by default gRPC's
            own list or the system's.
        certificate_file: PEM file of the client's own certificate, where the server wants one.
        key_file: PEM file of that certificate's key.

    Returns:
        A `Client`.

    Raises:
        ValueError: if the address is not understood, a time is no number of seconds, or the files do not go
            with the address or with one another.
        OSError: if one of the files cannot be read.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "grpc", address
    try:
        parts = urllib.parse.urlsplit(f"//{rest}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        hint = "; IPv6 addresses are written in brackets: [::1]:8500" if rest.count(":") > 1 else ""
        raise ValueError(f"address {address!r}: {error}{hint}") from error
    if scheme not in _DEFAULT_PORTS or not host or parts.path.strip("/") or parts.query:
        raise ValueError(f"address {address!r}: give host:port for gRPC or http://host:port for REST")
    if port == 0 or parts.username is not None:
        raise ValueError(f"address {address!r}: give a port from 1 on, and no user: what is sent has no such field")
    if not (_are_seconds(timeout) and _are_seconds(request_timeout) and request_timeout > 0):
        raise ValueError(
            "timeout, request_timeout: expected seconds of at least 0 and above 0; "
            f"got {timeout!r} and {request_timeout!r}"
        )
    if not model:
        raise ValueError("no model named")
    if scheme not in _WITH_TLS and (ca_file or certificate_file or key_file):
        raise ValueError(f"address {address!r} is without TLS: give grpcs:// or https://, or no certificates")
    if (certificate_file is None) != (key_file is None):
        raise ValueError("certificate_file and key_file: expected both or neither")
    tls = (ca_file, certificate_file, key_file) if scheme in _WITH_TLS else None
    at = (host, port or _DEFAULT_PORTS[scheme], tls, model, timeout, request_timeout)
    if scheme.startswith("grpc"):
        from .grpc_transport import GrpcTransport  # here, so that REST does without grpcio

        return Client(GrpcTransport(*at), model)
    from .rest_transport import RestTransport

    return Client(RestTransport(*at), model)


class Client:
    """A served generator, made by `connect`. May be used from many threads; `close` it or use it in a `with`.

    A request that finds no server, or one that says UNAVAILABLE or breaks off, is sent again, after pauses that
    grow, for the `timeout` of `connect`.

    Its methods raise ConnectionError, naming the address, if no server answers there in time; TimeoutError if
    a request takes too long; ValueError with the server's text if it refuses the request (no such model,
    version, signature or label, wrong inputs); RuntimeError with the server's text if it fails otherwise.
    """

    def __init__(self, transport: Transport, model: str):
        self.model = model
        self._transport = transport
        self._signatures: dict[int | None, Signatures] = {}

    def generate(
        self,
        n: int | None = None,
        *,
        seed: int | None = None,
        seeds: npt.ArrayLike | None = None,
        labels: Labels | None = None,
        truncation: npt.ArrayLike | None = None,
        png: bool = False,
        version: int | None = None,
    ) -> np.ndarray | list[bytes]:
        """Generate images.

        Args:
            n: number of images; by default as many as there are seeds, labels or truncations, or one.
            seed: row i has seed `seed + i`; 0 by default. A row's image depends on its own seed, label and truncation
                alone.
            seeds: the seeds themselves, int [n], instead of `seed`.
            labels: class of each image, one or n of them, each an integer or, where the server tells them (`classes`),
                a name; for conditional models only. By default the classes come in turn, image i has label i modulo
                their number, where the server tells it; else labels are needed.
            truncation: bound of the latent's truncation, float or float [n]; None for no truncation.
            png: return encoded images.
            version: version of the model; None for the latest.

        Returns:
            uint8 array [n, H, W, C]; with `png` a list of n bytes objects, each a PNG file.

        Raises:
            ValueError: also if the arguments do not go together or with the model.
        """
        n = _number_of_images(n, seeds, labels, truncation)
        inputs = {"seed": _seeds(n, seed, seeds)}
        return self._images("png" if png else "serving_default", n, inputs, labels, truncation, version, in_turn=True)

    def interpolate(
        self,
        seed: int,
        to_seed: int,
        n: int = 8,
        *,
        labels: Labels | None = None,
        truncation: npt.ArrayLike | None = None,
        png: bool = False,
        version: int | None = None,
    ) -> np.ndarray | list[bytes]:
        """Generate images that lead from one seed's to another's; each is a sample like any other.

        For models exported by kerasgan, with the signatures `between` and `between_png`.

        Args:
            seed: the first image's seed.
            to_seed: the last one's.
            n: number of images, 2 or more, at equal distances.
            labels: class of each image, one or n of them, each an integer or a name, as for `generate`; for
                conditional models only, and there needed.
            truncation: bound of the latent's truncation, float or float [n]; None for no truncation.
            png: return encoded images.
            version: version of the model; None for the latest.

        Returns:
            As `generate`.

        Raises:
            ValueError: also if the arguments do not go together or with the model.
        """
        if _whole("n", n) < 2:
            raise ValueError(f"n: expected an integer of at least 2, as a walk has two ends; got {n}")
        n = _number_of_images(n, None, labels, truncation)
        positions = np.arange(n) / (n - 1)
        inputs = {"seed": _seed("seed", seed), "to_seed": _seed("to_seed", to_seed), "position": positions}
        return self._images("between_png" if png else "between", n, inputs, labels, truncation, version)

    def _images(self, signature, n, inputs, labels, truncation, version, in_turn=False):
        given = {name for name, value in (("label", labels), ("truncation", truncation)) if value is not None}
        known = self._inputs(signature, version)
        if known and not given <= set(known):
            known = self._inputs(signature, version, anew=True)
        ask = functools.partial(self._images_of_numbers, signature, known, n, inputs)
        if "label" not in known or not (classes.has_names(labels) or (in_turn and labels is None)):
            return ask(labels, truncation, version)
        while True:  # classes are those of one version, so that very version is asked
            found = self.classes(version)
            try:
                return ask(_numbers(labels, n, found), truncation, found.version if version is None else version)
            except ValueError:
                if version is not None or self.classes() == found:  # else the server has gone on to another meanwhile
                    raise

    def _inputs(self, signature, version, anew=False):
        return self.signatures(version, anew).get(signature, {"inputs": {}})["inputs"]

    def _images_of_numbers(self, signature, known, n, inputs, labels, truncation, version):
        inputs = dict(inputs)
        if labels is not None:
            inputs["label"] = labels
        if truncation is not None and not _are_positive(truncation):
            raise ValueError(f"truncation: expected positive numbers, or None for no truncation; got {truncation}")
        if truncation is not None or "truncation" in known:
            inputs["truncation"] = np.inf if truncation is None else truncation
        for name in ("label", "truncation"):
            if name in inputs and known and name not in known:
                raise ValueError(f"model {self.model} has no input {name!r}: leave out {_argument(name)}")
        inputs = {
            name: _broadcast(_argument(name), value, n, known.get(name, _DTYPES[name]))
            for name, value in inputs.items()
        }
        outputs = self.predict(inputs, signature, version)
        for wanted in ("images", "image_bytes"):
            if wanted in outputs:
                return outputs[wanted].tolist() if wanted == "image_bytes" else outputs[wanted]
        raise RuntimeError(f"model {self.model} answered with {sorted(outputs)}, expected images or image_bytes")

    def predict(
        self, inputs: Mapping[str, npt.ArrayLike], signature: str = "serving_default", version: int | None = None
    ) -> dict[str, np.ndarray]:
        """Run a signature of the model.

        Args:
            inputs: `{name: array}`, with the dtypes of the signature; nothing is cast. Strings are text or bytes.
            signature: name of the signature.
            version: version of the model; None for the latest.

        Returns:
            `{name: array}`, with the dtypes of the signature; strings as object arrays of bytes.
        """
        version = _checked_version(version)
        inputs = {name: _tensor(name, value) for name, value in inputs.items()}
        try:
            return self._transport.predict(inputs, signature, version, self.signatures)
        except Exception:
            self._signatures.pop(version, None)  # the server may have gone on to another version
            raise

    def signatures(self, version: int | None = None, anew: bool = False) -> Signatures:
        """The signatures of the model.

        Args:
            version: version of the model; None for the latest.
            anew: whether to ask the server even where they are known: it may have gone on to another version.

        Returns:
            `{signature: {"inputs": {name: dtype}, "outputs": {name: dtype}}}`, with NumPy dtypes; strings are
            `object`.
        """
        version = _checked_version(version)
        if anew or version not in self._signatures:
            self._signatures[version] = self._transport.signatures(version)
        return self._signatures[version]

    def classes(self, version: int | None = None) -> Classes:
        """Ask the server for the model's classes, each time anew.

        Args:
            version: version of the model; None for the latest.

        Returns:
            `Classes`; without anything in them if the server or the model does not tell.
        """
        return self._transport.classes(_checked_version(version))

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes of the latest version, see `classes`."""
        return self.classes().names

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


_DTYPES = {"seed": "int64", "to_seed": "int64", "position": "float32", "label": "int64", "truncation": "float32"}


def _are_seconds(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and 0 <= float(value) < math.inf


def _are_positive(values):
    bounds = np.asarray(values)
    return bounds.dtype.kind in "iuf" and bool((bounds > 0).all())


def _whole(name, value):
    """`value` as an int."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected an integer; got {value}")
    try:
        return operator.index(value)
    except TypeError as error:
        raise TypeError(f"{name}: expected an integer ({error})") from None


def _checked_version(version):
    if version is None:
        return None
    if isinstance(version, bool) or not 0 <= _whole("version", version) < 2**63:
        raise ValueError(f"version: expected an integer from 0 to 2^63 - 1, or None for the latest; got {version}")
    return _whole("version", version)


def _tensor(name, value):
    """An input as an array that both transports can send: of numbers, of booleans, or an object array of bytes."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"input {name}: expected an array; got rows of different lengths ({error})") from None
    if array.dtype.kind in "biuf":
        return array
    texts = np.empty(array.size, object)
    texts[:] = [item.encode() if isinstance(item, str) else item for item in array.ravel().tolist()]
    if not all(isinstance(item, bytes) for item in texts):
        raise ValueError(f"input {name}: expected numbers, booleans, text or bytes; got an array of {array.dtype}")
    return texts.reshape(array.shape)


def _number_of_images(n, seeds, labels, truncation):
    sizes = {len(value) for value in (seeds, labels, truncation) if np.ndim(value) == 1}
    if n is not None:
        n = _whole("n", n)
        if n < 1:
            raise ValueError(f"n: expected an integer of at least 1; got {n}")
        sizes.add(n)
    if len(sizes) > 1:
        raise ValueError(f"n, seeds, labels, truncation: expected all for as many images; got {sorted(sizes)}")
    n = next(iter(sizes), 1)
    if n < 1:
        raise ValueError("seeds, labels, truncation: expected one of each image, for an image at least; got none")
    return n


def _numbers(labels, n, found):
    """Labels as numbers; without any, the classes in turn, where it is known how many there are."""
    if labels is not None:
        return classes.numbers(labels, found.names)
    return None if found.count is None else np.arange(n) % found.count


def _seed(name, value):
    number = _whole(name, value)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{name}: expected integers of 64 bits, from -2^63 to 2^63 - 1; got {number}")
    return number


def _seeds(n, seed, seeds):
    if seeds is not None and seed is not None:
        raise ValueError("seed, seeds: expected one of them, as seeds names the seed of each image; got both")
    if seeds is not None:
        return [_seed("seeds", value) for value in np.ravel(np.asarray(seeds, object)).tolist()]
    first = _seed("seed", 0 if seed is None else seed)
    if first > 2**63 - n:
        raise ValueError(f"seed: expected at most {2**63 - n}, as image i has seed `seed + i`; got {first}")
    return list(range(first, first + n))


def _argument(name):
    """Return what the argument is called that gives an input of the model."""
    return "labels" if name == "label" else name


def _broadcast(name, value, n, dtype):
    array = np.asarray(value)
    if np.dtype(dtype).kind in "iu":
        _check_whole(name, value, np.dtype(dtype))
    if array.shape not in ((), (1,), (n,)):
        raise ValueError(f"{name}: expected one number or {n} of them; got an array of shape {array.shape}")
    with np.errstate(over="ignore"):  # a bound beyond float32 is none
        cast = array.astype(dtype)
    return np.ascontiguousarray(np.broadcast_to(cast, (n,)))


def _check_whole(name, value, dtype):
    """Refuse what an integer type does not hold; NumPy makes floats or objects of some large integers."""
    limits = np.iinfo(dtype)
    for one in np.ravel(np.asarray(value, object)).tolist():
        if isinstance(one, bool) or not isinstance(one, (int, np.integer)):
            raise ValueError(f"{name}: expected integers; got {np.asarray(value).dtype}")
        if not limits.min <= one <= limits.max:
            raise ValueError(f"{name}: expected numbers of {dtype}, as the model takes them; got {one}")
