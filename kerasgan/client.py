"""Images from a served generator, over gRPC or REST, without TensorFlow.

    client = kerasgan.client.connect("127.0.0.1:8500", model="biggan")           # gRPC
    client = kerasgan.client.connect("http://127.0.0.1:8501", model="biggan")    # REST
    images = client.generate(4, seed=7, labels=3, truncation=0.5)                # uint8 [4, H, W, C]

The server may be `kerasgan serve` or TensorFlow Serving itself. Over REST prefer `png=True`: raw images as
JSON are three times as large as over gRPC and take some ten times as long.
"""

import base64
import contextlib
import http.client
import json
import operator
import time
import urllib.parse

import numpy as np

DEFAULT_GRPC_PORT = 8500
DEFAULT_REST_PORT = 8501

_SERVICE = "/tensorflow.serving.PredictionService/"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between attempts; doubled each time


def connect(address, model, timeout=10.0, request_timeout=300.0):
    """Make a client for one model of a server. Nothing is sent yet.

    Args:
        address: `host:port` for gRPC, `http://host:port` or `https://host:port` for REST. The port may be
            left out: 8500 for gRPC, 8501 for http.
        model: name of the model.
        timeout: seconds to wait for the server to be reachable, trying again meanwhile.
        request_timeout: seconds that one request may take once it is.

    Returns:
        A `Client`.

    Raises:
        ValueError: if the address is not understood.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "grpc", address
    try:
        parts = urllib.parse.urlsplit(f"//{rest}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"address {address!r}: {error}") from error
    if scheme not in ("grpc", "http", "https") or not host or parts.path.strip("/") or parts.query:
        raise ValueError(f"address {address!r}: give host:port for gRPC or http://host:port for REST")
    if not model:
        raise ValueError("no model named")
    if scheme == "grpc":
        return Client(_Grpc(host, port or DEFAULT_GRPC_PORT, model, timeout, request_timeout), model)
    port = port or (DEFAULT_REST_PORT if scheme == "http" else 443)
    return Client(_Rest(scheme, host, port, model, timeout, request_timeout), model)


class Client:
    """A served generator, made by `connect`. May be used from many threads; `close` it or use it in a `with`.

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
            labels: class of each image, int or int [n]; for conditional models only, and there needed.
            truncation: bound of the latent's truncation, float or float [n]; None for no truncation.
            png: return encoded images.
            version: version of the model; None for the latest.

        Returns:
            uint8 array [n, H, W, C]; with `png` a list of n bytes objects, each a PNG file.

        Raises:
            ValueError: also if the arguments do not go together or with the model.
        """
        signature = "png" if png else "serving_default"
        known = self.signatures(version).get(signature, {"inputs": {}})["inputs"]
        n = _number_of_images(n, seeds, labels, truncation)
        values = {"seed": _seeds(n, seed, seeds)}
        if labels is not None:
            values["label"] = labels
        if truncation is not None or "truncation" in known:
            values["truncation"] = np.inf if truncation is None else truncation
        for name, argument in (("label", "labels"), ("truncation", "truncation")):
            if name in values and known and name not in known:
                raise ValueError(f"model {self.model} has no input {name!r}: leave out {argument}")
        dtypes = {"seed": "int64", "label": "int64", "truncation": "float32"}
        inputs = {name: _broadcast(name, value, n, known.get(name, dtypes[name])) for name, value in values.items()}
        outputs = self.predict(inputs, signature, version)
        wanted = "image_bytes" if png else "images"
        if wanted not in outputs:
            raise RuntimeError(f"model {self.model} answered with {sorted(outputs)}, not {wanted!r}")
        return outputs[wanted].tolist() if png else outputs[wanted]

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

    def close(self):
        """Close the connection."""
        self._transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


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


def _seeds(n, seed, seeds):
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
        """Wait before another attempt; ConnectionError if the time is up."""
        if time.monotonic() + self._pause > self._end:
            raise ConnectionError(f"no server answers at {self.address} (tried for {self.timeout:g} s): {reason}")
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


class _Grpc:
    def __init__(self, host, port, model, timeout, request_timeout):
        import grpc  # here, so that the REST client does without it

        from kerasgan import wire

        self._grpc, self._wire = grpc, wire
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.model, self.timeout, self.request_timeout = model, timeout, request_timeout
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            (
                "grpc.min_reconnect_backoff_ms",
                int(1000 * timeout),
            ),  # how long one attempt to connect may take
            ("grpc.initial_reconnect_backoff_ms", 100),  # soon again after a failure: we pause ourselves
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        self._channel = grpc.insecure_channel(self.address, options=options)
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

    def close(self):
        self._channel.close()


_NUMPY = {"DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16", "DT_STRING": "object"}


class _Rest:
    def __init__(self, scheme, host, port, model, timeout, request_timeout):
        self._connection = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}[scheme]
        self.host, self.port = host, port
        self.address = f"{scheme}://{host}:{port}"
        self.model, self.timeout, self.request_timeout = model, timeout, request_timeout

    def _call(self, method, verb, version, body=None):
        path = f"/v1/models/{urllib.parse.quote(self.model, safe='')}"
        path += (f"/versions/{version}" if version is not None else "") + verb
        retry = _Retry(self.address, self.timeout)
        while True:
            connection = self._connection(self.host, self.port, timeout=retry.left())
            with contextlib.closing(connection):
                try:
                    connection.connect()
                except OSError as error:
                    retry.pause(error)
                    continue
                status, content = self._exchange(connection, method, path, body)
            if status == 503:
                retry.pause(_error_text(content))
                continue
            if status == 504:
                raise TimeoutError(f"{self.address}: {_error_text(content)}")
            if status != 200:
                raise _error(self.model, status, _error_text(content))
            return json.loads(content)

    def _exchange(self, connection, method, path, body):
        connection.sock.settimeout(self.request_timeout)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            return response.status, response.read()
        except TimeoutError as error:
            raise TimeoutError(f"{self.address} took longer than {self.request_timeout:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionError(f"{self.address} broke off: {type(error).__name__} {error}") from error

    def predict(self, inputs, signature, version, signatures):
        inputs = {name: _to_json(np.asarray(array)) for name, array in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": inputs}).encode()
        outputs = self._call("POST", ":predict", version, body)["outputs"]
        dtypes = signatures(version)[signature]["outputs"]
        if len(dtypes) == 1:  # then the value comes without its name
            outputs = {next(iter(dtypes)): outputs}
        return {name: _from_json(value, dtypes[name]) for name, value in outputs.items()}

    def signatures(self, version):
        found = self._call("GET", "/metadata", version)["metadata"]["signature_def"]["signature_def"]
        return {
            name: {side: {key: _dtype(info) for key, info in definition[side].items()} for side in _SIDES}
            for name, definition in found.items()
            if not name.startswith("__")
        }

    def close(self):
        pass


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
    return kind(f"model {model}: {text} ({code if isinstance(code, str) else f'HTTP {code}'})")
