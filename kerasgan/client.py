"""Images from a served generator, over gRPC or REST, without TensorFlow.

    client = kerasgan.client.connect("127.0.0.1:8500", model="biggan")           # gRPC
    client = kerasgan.client.connect("http://127.0.0.1:8501", model="biggan")    # REST
    images = client.generate(4, seed=7, labels="Bag", truncation=0.5)            # uint8 [4, H, W, C]

The server may be `kerasgan serve` or TensorFlow Serving itself. Over REST prefer `png=True`: raw images as
JSON are three times as large as over gRPC and take some ten times as long.

This file and those it imports are also the package `kerasgan_client` of the distribution `kerasgan-client`
(see client/), for machines without TensorFlow; so they import one another relatively, and nothing else of kerasgan.
"""

import base64
import collections
import functools
import http.client
import json
import operator
import pathlib
import random
import ssl
import time
import urllib.parse
from typing import NamedTuple

import numpy as np

from .utils import classes

DEFAULT_GRPC_PORT = 8500
DEFAULT_REST_PORT = 8501

_SERVICE = "/tensorflow.serving.PredictionService/"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between attempts; doubled each time
_DEFAULT_PORTS = {"grpc": DEFAULT_GRPC_PORT, "grpcs": DEFAULT_GRPC_PORT, "http": DEFAULT_REST_PORT, "https": 443}
_WITH_TLS = ("grpcs", "https")


def connect(address, model, timeout=10.0, request_timeout=300.0, *, ca_file=None, certificate_file=None, key_file=None):
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
        ValueError: if the address is not understood, or the files do not go with it or with one another.
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
    if not model:
        raise ValueError("no model named")
    if scheme not in _WITH_TLS and (ca_file or certificate_file or key_file):
        raise ValueError(f"address {address!r} is without TLS: give grpcs:// or https://, or no certificates")
    if (certificate_file is None) != (key_file is None):
        raise ValueError("certificate_file and key_file: expected both or neither")
    tls = (ca_file, certificate_file, key_file) if scheme in _WITH_TLS else None
    transport = _Grpc if scheme.startswith("grpc") else _Rest
    return Client(transport(host, port or _DEFAULT_PORTS[scheme], tls, model, timeout, request_timeout), model)


class Classes(NamedTuple):
    """What a server tells of a model's classes; TensorFlow Serving tells nothing of them.

    Attributes:
        version: the version of the model that has them, or `None` where nothing is told.
        count: how many there are; `None` where there are none, or nothing is told.
        names: their names, a tuple of strings in the order of the labels, or `None` where they are not known.
    """

    version: int | None = None
    count: int | None = None
    names: tuple[str, ...] | None = None


class Client:
    """A served generator, made by `connect`. May be used from many threads; `close` it or use it in a `with`.

    A request that finds no server, or one that says UNAVAILABLE or breaks off, is sent again, after pauses that
    grow, for the `timeout` of `connect`.

    Its methods raise ConnectionError, naming the address, if no server answers there in time; TimeoutError if
    a request takes too long; ValueError with the server's text if it refuses the request (no such model,
    version, signature or label, wrong inputs); RuntimeError with the server's text if it fails otherwise.
    """

    def __init__(self, transport, model):
        self.model = model
        self._transport = transport
        self._signatures = {}

    def generate(
        self,
        n=None,
        *,
        seed=0,
        seeds=None,
        labels=None,
        truncation=None,
        png=False,
        version=None,
    ):
        """Generate images.

        Args:
            n: number of images; by default as many as there are seeds, labels or truncations, or one.
            seed: row i has seed `seed + i`. A row's image depends on its own seed, label and truncation
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

    def interpolate(self, seed, to_seed, n=8, *, labels=None, truncation=None, png=False, version=None):
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
        if operator.index(n) < 2:
            raise ValueError(f"n must be 2 or more, not {n}")
        n = _number_of_images(n, None, labels, truncation)
        positions = np.arange(n) / (n - 1)
        inputs = {"seed": _seeds(1, seed), "to_seed": _seeds(1, to_seed), "position": positions}
        return self._images("between_png" if png else "between", n, inputs, labels, truncation, version)

    def _images(self, signature, n, inputs, labels, truncation, version, in_turn=False):
        known = self.signatures(version).get(signature, {"inputs": {}})["inputs"]
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

    def _images_of_numbers(self, signature, known, n, inputs, labels, truncation, version):
        inputs = dict(inputs)
        if labels is not None:
            inputs["label"] = labels
        if truncation is not None or "truncation" in known:
            inputs["truncation"] = np.inf if truncation is None else truncation
        for name, argument in (("label", "labels"), ("truncation", "truncation")):
            if name in inputs and known and name not in known:
                raise ValueError(f"model {self.model} has no input {name!r}: leave out {argument}")
        inputs = {name: _broadcast(name, value, n, known.get(name, _DTYPES[name])) for name, value in inputs.items()}
        outputs = self.predict(inputs, signature, version)
        for wanted in ("images", "image_bytes"):
            if wanted in outputs:
                return outputs[wanted].tolist() if wanted == "image_bytes" else outputs[wanted]
        raise RuntimeError(f"model {self.model} answered with {sorted(outputs)}, expected images or image_bytes")

    def predict(self, inputs, signature="serving_default", version=None):
        """Run a signature of the model.

        Args:
            inputs: `{name: array}`, with the dtypes of the signature; nothing is cast.
            signature: name of the signature.
            version: version of the model; None for the latest.

        Returns:
            `{name: array}`, with the dtypes of the signature; strings as object arrays of bytes.
        """
        try:
            return self._transport.predict(inputs, signature, version, self.signatures)
        except Exception:
            self._signatures.pop(version, None)  # the server may have gone on to another version
            raise

    def signatures(self, version=None):
        """The signatures of the model.

        Args:
            version: version of the model; None for the latest.

        Returns:
            `{signature: {"inputs": {name: dtype}, "outputs": {name: dtype}}}`, with NumPy dtypes; strings are
            `object`.
        """
        if version not in self._signatures:
            self._signatures[version] = self._transport.signatures(version)
        return self._signatures[version]

    def classes(self, version=None):
        """Ask the server for the model's classes, each time anew.

        Args:
            version: version of the model; None for the latest.

        Returns:
            `Classes`; without anything in them if the server or the model does not tell.
        """
        return self._transport.classes(version)

    @property
    def class_names(self):
        """The names of the classes of the latest version, see `classes`."""
        return self.classes().names

    def close(self):
        """Close the connections."""
        self._transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


_DTYPES = {"seed": "int64", "to_seed": "int64", "position": "float32", "label": "int64", "truncation": "float32"}


def _number_of_images(n, seeds, labels, truncation):
    sizes = {len(value) for value in (seeds, labels, truncation) if np.ndim(value) == 1}
    if n is not None:
        n = operator.index(n)
        if n < 1:
            raise ValueError(f"n must be 1 or more, not {n}")
        sizes.add(n)
    if len(sizes) > 1:
        raise ValueError(f"n, seeds, labels and truncation are for different numbers of images: {sorted(sizes)}")
    n = next(iter(sizes), 1)
    if n < 1:
        raise ValueError("no images asked for: seeds, labels or truncation is empty")
    return n


def _told(version, facts):
    """The `Classes` of a version; what cannot be right is passed over."""
    count = facts.get("num_classes")
    if not (isinstance(count, int) or (isinstance(count, float) and count.is_integer())) or count < 1:
        return Classes(version)
    return Classes(version, int(count), classes.known(facts.get("class_names"), int(count)))


def _numbers(labels, n, found):
    """Labels as numbers; without any, the classes in turn, where it is known how many there are."""
    if labels is not None:
        return classes.numbers(labels, found.names)
    return None if found.count is None else np.arange(n) % found.count


def _seeds(n, seed, seeds=None):
    seeds = [operator.index(seed) + row for row in range(n)] if seeds is None else seeds
    seeds = [operator.index(value) for value in np.ravel(np.asarray(seeds, object)).tolist()]
    if any(not -(2**63) <= value < 2**63 for value in seeds):
        raise ValueError("seeds must fit into 64 bits")
    return seeds


def _broadcast(name, value, n, dtype):
    array = np.asarray(value)
    if np.dtype(dtype).kind in "iu" and array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be whole numbers, not {array.dtype}")
    if array.shape not in ((), (1,), (n,)):
        raise ValueError(f"{name} must be one number or {n} of them, not an array of shape {array.shape}")
    return np.ascontiguousarray(np.broadcast_to(array.astype(dtype), (n,)))


class _Retry:
    """Attempts until a server can be reached, further and further apart, for `timeout` seconds."""

    def __init__(self, address, timeout):
        self.address = address
        self.timeout = timeout
        self._end = time.monotonic() + timeout
        self._pause = _FIRST_PAUSE

    def left(self):
        return max(0.01, self._end - time.monotonic())

    def pause(self, reason):
        """Wait before another attempt; ConnectionError if the time is up.

        Pauses are up to half shorter by chance, so that many clients do not come back at the same moment.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise ConnectionError(f"no server answers at {self.address} (tried for {self.timeout:g} s): {reason}")
        time.sleep(min(left, self._pause * random.uniform(0.5, 1.0)))
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


def _host_and_port(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Grpc:
    def __init__(self, host, port, tls, model, timeout, request_timeout):
        import grpc  # here, so that the REST client does without it

        from . import wire

        self._grpc, self._wire = grpc, wire
        self.address = _host_and_port(host, port)
        self.model, self.timeout, self.request_timeout = model, timeout, request_timeout
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.min_reconnect_backoff_ms", int(1000 * timeout)),  # how long one attempt to connect may take
            ("grpc.initial_reconnect_backoff_ms", 100),  # soon again after a failure: we pause ourselves
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        if tls is None:
            self._channel = grpc.insecure_channel(self.address, options=options)
        else:
            authorities, certificate, key = (name and pathlib.Path(name).read_bytes() for name in tls)
            credentials = grpc.ssl_channel_credentials(authorities, key, certificate)
            self._channel = grpc.secure_channel(self.address, credentials, options=options)
        self._methods = {
            "Predict": self._method("Predict", wire.PredictRequest, wire.PredictResponse),
            "GetModelMetadata": self._method(
                "GetModelMetadata", wire.GetModelMetadataRequest, wire.GetModelMetadataResponse
            ),
        }

    def _method(self, name, request, response):
        return self._channel.unary_unary(
            _SERVICE + name,
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )

    def _call(self, method, request):
        retry = _Retry(self.address, self.timeout)
        codes = self._grpc.StatusCode
        while True:
            try:
                return self._methods[method](request, timeout=self.request_timeout)
            except self._grpc.RpcError as error:
                code, text = error.code(), error.details()
                if code == codes.UNAVAILABLE:
                    retry.pause(text)
                    continue
                if code == codes.DEADLINE_EXCEEDED:
                    raise TimeoutError(f"{self.address} took longer than {self.request_timeout:g} s") from error
                raise _error(self.model, code.name, text) from error

    def _spec(self, request, version):
        request.model_spec.name = self.model
        if version is not None:
            request.model_spec.version.value = version

    def predict(self, inputs, signature, version, signatures):
        request = self._wire.PredictRequest()
        self._spec(request, version)
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            self._wire.set_tensor(request.inputs[name], np.asarray(array))
        response = self._call("Predict", request)
        return {name: self._wire.get_array(proto) for name, proto in response.outputs.items()}

    def signatures(self, version):
        request = self._wire.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._spec(request, version)
        response = self._call("GetModelMetadata", request)
        found = self._wire.SignatureDefMap.FromString(response.metadata["signature_def"].value)
        return {
            name: {
                "inputs": {key: self._wire.dtype_of(info.dtype) for key, info in definition.inputs.items()},
                "outputs": {key: self._wire.dtype_of(info.dtype) for key, info in definition.outputs.items()},
            }
            for name, definition in found.signature_def.items()
            if not name.startswith("__")
        }

    def classes(self, version):
        request = self._wire.GetModelMetadataRequest(metadata_field=["kerasgan"])
        self._spec(request, version)
        try:
            response = self._call("GetModelMetadata", request)
        except ValueError:  # TensorFlow Serving has no such field
            return Classes()
        return _told(response.model_spec.version.value, self._wire.read_struct(response.metadata["kerasgan"].value))

    def close(self):
        self._channel.close()


_NUMPY = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16", "DT_STRING": "object"}


class _NotServing(RuntimeError):
    """An answer that is none of TensorFlow Serving's REST API."""


class _Rest:
    def __init__(self, host, port, tls, model, timeout, request_timeout):
        self._new = functools.partial(http.client.HTTPConnection, host, port)
        if tls is not None:
            authorities, certificate, key = tls
            context = ssl.create_default_context(cafile=authorities)
            if certificate is not None:
                context.load_cert_chain(certificate, key)
            self._new = functools.partial(http.client.HTTPSConnection, host, port, context=context)
        self.address = f"http{'s' if tls else ''}://{_host_and_port(host, port)}"
        self.model, self.timeout, self.request_timeout = model, timeout, request_timeout
        self._idle = collections.deque()  # connections that are open and not in use

    def _call(self, method, verb, version, wanted, body=None):
        """What lies under the keys `wanted`, one inside the other, in the answer."""
        path = f"/v1/models/{urllib.parse.quote(self.model, safe='')}"
        path += (f"/versions/{version}" if version is not None else "") + verb
        return self._answer(method, path, wanted, body)

    def _answer(self, method, path, wanted, body=None):
        retry = _Retry(self.address, self.timeout)
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
                    retry.pause(f"it broke off: {type(error).__name__} {error}")
                continue
            if connection.sock is not None:  # else the server wants no more requests on it
                self._idle.append(connection)
            if status == 503:
                retry.pause(_error_text(content))
                continue
            if status == 504:
                raise TimeoutError(f"{self.address}: {_error_text(content)}")
            if status != 200:
                raise _error(self.model, status, _error_text(content))
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
                retry.pause(error)
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

    def predict(self, inputs, signature, version, signatures):
        inputs = {name: _to_json(np.asarray(array)) for name, array in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": inputs}).encode()
        outputs = self._call("POST", ":predict", version, ["outputs"], body)
        dtypes = signatures(version)[signature]["outputs"]
        if len(dtypes) == 1:  # then the value comes without its name
            outputs = {next(iter(dtypes)): outputs}
        return {name: _from_json(value, dtypes[name]) for name, value in outputs.items()}

    def signatures(self, version):
        found = self._call("GET", "/metadata", version, ["metadata", "signature_def", "signature_def"])
        return {
            name: {side: {key: _dtype(info) for key, info in definition[side].items()} for side in _SIDES}
            for name, definition in found.items()
            if not name.startswith("__")
        }

    def classes(self, version):
        which = "" if version is None else f"/versions/{version}"
        try:
            told = self._answer("GET", f"/models/{urllib.parse.quote(self.model, safe='')}{which}.json", [])
        except (
            ValueError,
            _NotServing,
        ):  # TensorFlow Serving has no such address; what stands before it may say so in HTML
            return Classes()
        return _told(told.get("version"), told) if isinstance(told, dict) else Classes()

    def close(self):
        while self._idle:
            self._idle.pop().close()


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


def _from_json(value, dtype):
    if not dtype.hasobject:
        return np.array(value, dtype)
    leaf = value
    shape = []
    while isinstance(leaf, list):
        shape.append(len(leaf))
        leaf = leaf[0] if leaf else None
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


_REFUSALS = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "OUT_OF_RANGE", 400, 404, 413}


def _error(model, code, text):
    kind = ValueError if code in _REFUSALS else RuntimeError
    text = text.partition("\n\t [[")[0]  # then TensorFlow names nodes of its graph
    return kind(f"model {model}: {text} ({code if isinstance(code, str) else f'HTTP {code}'})")
