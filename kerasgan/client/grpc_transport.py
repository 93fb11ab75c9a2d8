"""Requests to a server over gRPC."""

import pathlib
from collections.abc import Callable, Mapping

import grpc
import numpy as np
import numpy.typing as npt

from . import wire
from .retry import Retry, error_of, host_and_port
from .served_classes import Classes, told
from .transport import Certificates, Signatures, tls_context

_SERVICE = "/tensorflow.serving.PredictionService/"


class GrpcTransport:
    """A model of a server at the end of one gRPC channel, which threads may share."""

    def __init__(
        self, host: str, port: int, tls: Certificates | None, model: str, timeout: float, request_timeout: float
    ):
        self.address = host_and_port(host, port)
        self.model, self.timeout, self.request_timeout = model, timeout, request_timeout
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.min_reconnect_backoff_ms", int(1000 * timeout)),  # how long one attempt to connect may take
            ("grpc.initial_reconnect_backoff_ms", 100),  # soon again after a failure: we pause ourselves
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]
        self._with_tls = tls is not None
        if tls is None:
            self._channel = grpc.insecure_channel(self.address, options=options)
        else:
            tls_context(tls, password=lambda: "")  # gRPC says of wrong files only that no server answers
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
        retry = Retry(self.address, self.timeout)
        codes = grpc.StatusCode
        while True:
            try:
                return self._methods[method](request, timeout=self.request_timeout)
            except grpc.RpcError as error:
                code, text = error.code(), error.details()
                if code == codes.UNAVAILABLE:
                    retry.pause(text + self._hint(text))
                    continue
                if code == codes.DEADLINE_EXCEEDED:
                    raise TimeoutError(f"{self.address} took longer than {self.request_timeout:g} s") from error
                raise error_of(self.model, code.name, text) from error

    def _hint(self, text):
        """What a failed connection may mean; of a name with several addresses gRPC tells the last one's failure."""
        if "failed to connect" not in text:  # the server's own words
            return ""
        if self._with_tls and "WRONG_VERSION_NUMBER" in text:
            return f"; it speaks no TLS: say {self.address} alone, without grpcs://"
        if self._with_tls:
            return f"; a certificate that is turned down looks like this too: openssl s_client -connect {self.address}"
        if "http1.x" in text:
            return f"; it speaks HTTP: an address of REST is http://{self.address}"
        return "; does it ask for TLS (grpcs://)?" if "Socket closed" in text else ""

    def _spec(self, request, version):
        request.model_spec.name = self.model
        if version is not None:
            request.model_spec.version.value = version

    def predict(
        self,
        inputs: Mapping[str, npt.ArrayLike],
        signature: str,
        version: int | None,
        signatures: Callable[..., Signatures],
    ) -> dict[str, np.ndarray]:
        """Return the outputs of a signature; see `Client.predict`."""
        request = wire.PredictRequest()
        self._spec(request, version)
        request.model_spec.signature_name = signature
        for name, array in inputs.items():
            wire.set_tensor(request.inputs[name], np.asarray(array))
        response = self._call("Predict", request)
        return {name: wire.get_array(proto) for name, proto in response.outputs.items()}

    def signatures(self, version: int | None) -> Signatures:
        """Return what the signatures of a version take and give; see `Client.signatures`."""
        request = wire.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._spec(request, version)
        response = self._call("GetModelMetadata", request)
        signatures = wire.SignatureDefMap.FromString(response.metadata["signature_def"].value)
        return {
            name: {
                "inputs": {key: wire.dtype_of(info.dtype) for key, info in definition.inputs.items()},
                "outputs": {key: wire.dtype_of(info.dtype) for key, info in definition.outputs.items()},
            }
            for name, definition in signatures.signature_def.items()
            if not name.startswith("__")
        }

    def classes(self, version: int | None) -> Classes:
        """Return what the server tells of a version's classes."""
        request = wire.GetModelMetadataRequest(metadata_field=["kerasgan"])
        self._spec(request, version)
        try:
            response = self._call("GetModelMetadata", request)
        except ValueError:  # TensorFlow Serving has no such field
            return Classes()
        return told(response.model_spec.version.value, wire.read_struct(response.metadata["kerasgan"].value))

    def close(self) -> None:
        """Let the connections go."""
        self._channel.close()
