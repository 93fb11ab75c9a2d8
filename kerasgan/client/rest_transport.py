"""Requests to a server over REST."""

import base64
import collections
import functools
import http.client
import json
import operator
import ssl
import urllib.parse
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from .retry import Retry, error_of, host_and_port
from .served_classes import Classes, told
from .transport import Certificates, Signatures, tls_context

_DEFAULT_SIGNATURE = "serving_default"  # what "" means to a server
_NUMPY = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16", "DT_STRING": "object"}


class _NotServing(RuntimeError):
    """An answer that is none of TensorFlow Serving's REST API."""


class RestTransport:
    """A model of a server over HTTP connections that are kept; threads take one each."""

    def __init__(
        self, host: str, port: int, tls: Certificates | None, model: str, timeout: float, request_timeout: float
    ):
        self._new = functools.partial(http.client.HTTPConnection, host, port)
        if tls is not None:
            self._new = functools.partial(http.client.HTTPSConnection, host, port, context=tls_context(tls))
        self.address = f"http{'s' if tls else ''}://{host_and_port(host, port)}"
        self.model, self.timeout, self.request_timeout = model, timeout, request_timeout
        self._idle: collections.deque[http.client.HTTPConnection] = (
            collections.deque()
        )  # connections that are open and not in use

    def _call(self, method, verb, version, wanted, body=None):
        """What lies under the keys `wanted`, one inside the other, in the answer."""
        path = f"/v1/models/{urllib.parse.quote(self.model, safe='')}"
        path += (f"/versions/{version}" if version is not None else "") + verb
        return self._answer(method, path, wanted, body)

    def _answer(self, method, path, wanted, body=None):
        retry = Retry(self.address, self.timeout)
        while True:
            connection, is_new = self._connection_for(retry)
            try:
                status, content = self._exchange(connection, method, path, body)
            except TimeoutError as error:
                connection.close()
                raise TimeoutError(f"{self.address} took longer than {self.request_timeout:g} s") from error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if is_new:  # an old one the server may have closed since
                    retry.pause(_broken(error, connection))
                continue
            if connection.sock is not None:  # else the server wants no more requests on it
                self._idle.append(connection)
            if status == 503:
                retry.pause(_error_text(content))
                continue
            if status == 504:
                raise TimeoutError(f"{self.address}: {_error_text(content)}")
            if status != 200:
                raise error_of(self.model, status, _error_text(content))
            return self._inside(content, wanted)

    def _connection_for(self, retry):
        """A connection that is not in use, and whether it is new."""
        try:
            return self._idle.pop(), False
        except IndexError:
            pass
        while True:
            connection = self._new(timeout=retry.left())
            try:
                connection.connect()
            except ssl.SSLCertVerificationError as error:  # waiting will not mend it
                connection.close()
                raise ConnectionError(f"{self.address}: {error}") from error
            except OSError as error:
                connection.close()
                no_tls = getattr(error, "reason", None) == "WRONG_VERSION_NUMBER"
                retry.pause(f"{error}; it speaks no TLS: say http://, not https://" if no_tls else error)
                continue
            connection.sock.settimeout(self.request_timeout)
            return connection, True

    def _exchange(self, connection, method, path, body):
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = connection.getresponse()
        return response.status, response.read()

    def _inside(self, content, wanted):
        try:
            return functools.reduce(operator.getitem, wanted, json.loads(content))
        except (ValueError, KeyError, TypeError):
            text = content[:200].decode(errors="replace")
            raise _NotServing(f"{self.address} does not answer as TensorFlow Serving: {text}") from None

    def predict(
        self,
        inputs: Mapping[str, npt.ArrayLike],
        signature: str,
        version: int | None,
        signatures: Callable[..., Signatures],
    ) -> dict[str, np.ndarray]:
        """Return the outputs of a signature; see `Client.predict`."""
        inputs = {name: _to_json(np.asarray(array)) for name, array in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": inputs}).encode()
        outputs = self._call("POST", ":predict", version, ["outputs"], body)
        signature = signature or _DEFAULT_SIGNATURE
        dtypes = signatures(version)[signature]["outputs"]
        found = _arrays(outputs, dtypes)
        if not _fit(found, dtypes):  # the server may have gone on to another version
            dtypes = signatures(version, anew=True)[signature]["outputs"]
            found = _arrays(outputs, dtypes)
        return {name: array.astype(dtypes[name], copy=False) for name, array in found.items()}

    def signatures(self, version: int | None) -> Signatures:
        """Return what the signatures of a version take and give; see `Client.signatures`."""
        signatures = self._call("GET", "/metadata", version, ["metadata", "signature_def", "signature_def"])
        return {
            name: {side: {key: _dtype(info) for key, info in definition[side].items()} for side in _SIDES}
            for name, definition in signatures.items()
            if not name.startswith("__")
        }

    def classes(self, version: int | None) -> Classes:
        """Return what the server tells of a version's classes."""
        which = "" if version is None else f"/versions/{version}"
        try:
            facts = self._answer("GET", f"/models/{urllib.parse.quote(self.model, safe='')}{which}.json", [])
        except (
            ValueError,
            _NotServing,
        ):  # TensorFlow Serving has no such address; what stands before it may say so in HTML
            return Classes()
        return told(facts.get("version"), facts) if isinstance(facts, dict) else Classes()

    def close(self) -> None:
        """Let the connections go."""
        while self._idle:
            self._idle.pop().close()


def _broken(error, connection):
    """What a connection that ended early may mean, without the bytes of a server that speaks no HTTP."""
    if isinstance(error, http.client.BadStatusLine) and not isinstance(error, http.client.RemoteDisconnected):
        address = host_and_port(connection.host, connection.port)
        return f"it speaks no HTTP; an address of gRPC is {address} alone, without http://"
    return f"it broke off: {type(error).__name__} {error}"


_SIDES = ("inputs", "outputs")


def _dtype(info):
    return np.dtype(_NUMPY.get(info["dtype"], info["dtype"].removeprefix("DT_").lower()))


def _to_json(array):
    if array.dtype.kind in "OS":
        encoded = [{"b64": base64.b64encode(value).decode()} for value in array.ravel().tolist()]
        array = np.array(encoded, object).reshape(array.shape)
    elif array.dtype == np.float32:
        array = array.astype("U32").astype(np.float64)  # 0.1, not 0.10000000149
    return array.tolist()


def _arrays(outputs, dtypes):
    """The outputs as arrays by their names: a single one comes without its name."""
    named = {next(iter(dtypes)): outputs} if len(dtypes) == 1 else outputs
    return {name: _array(value) for name, value in (named if isinstance(named, dict) else {"": named}).items()}


def _fit(arrays, dtypes):
    """Whether an answer has the outputs that are known: text where they are text, whole numbers where they are."""
    return set(arrays) == set(dtypes) and all(
        not array.size or _kind(array.dtype) == _kind(dtypes[name]) for name, array in arrays.items()
    )


def _kind(dtype):
    return {"u": "i", "i": "i", "O": "O"}.get(dtype.kind, "other")


def _array(value):
    leaf, shape = value, []
    while isinstance(leaf, list):
        shape.append(len(leaf))
        leaf = leaf[0] if leaf else None
    if not isinstance(leaf, (str, dict)):
        return np.asarray(value)
    array = np.empty(shape, object)
    for index in np.ndindex(*shape):
        leaf = value
        for position in index:
            leaf = leaf[position]
        array[index] = base64.b64decode(leaf["b64"]) if isinstance(leaf, dict) else leaf.encode()
    return array


def _error_text(content):
    try:
        return json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")[:1000]
