"""TensorFlow Serving's gRPC services."""

import contextlib
import functools
import logging

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
    model_management_pb2,
    model_pb2,
    model_service_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2,
    prediction_service_pb2_grpc,
)

from kerasgan.server import api, inference
from kerasgan.server.errors import ServingError, invalid_argument
from kerasgan.server.predict import predict

log = logging.getLogger("kerasgan.server")

_MAX_ERROR_BYTES = 1024
_PREDICTION = prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"].full_name
_MODEL = model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name


def _answers(method):
    """Turn the errors of a method into gRPC statuses."""

    @functools.wraps(method)
    def answer(self, request, context):
        if not context.is_active():  # it waited for a thread longer than its caller for the answer
            context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline exceeded.")
        try:
            return method(self, request)
        except ServingError as error:
            context.abort(error.code, _cut(error.message))
        except Exception:
            log.exception("request failed: %s", method.__name__)
            context.abort(grpc.StatusCode.INTERNAL, "Internal error; see the server's log.")

    return answer


def _cut(message):
    encoded = message.encode()
    if len(encoded) <= _MAX_ERROR_BYTES:
        return message
    return encoded[:_MAX_ERROR_BYTES].decode(errors="ignore") + "...TRUNCATED"


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """`tensorflow.serving.PredictionService`."""

    def __init__(self, models, metrics, max_tensor_bytes):
        self.models = models
        self.metrics = metrics
        self.max_tensor_bytes = max_tensor_bytes

    @_answers
    def Predict(self, request):
        """Run a signature on tensors."""
        with self._used("Predict", request.model_spec, api.model_spec(request)) as found:
            return predict(found, request, self.max_tensor_bytes)

    @_answers
    def Classify(self, request):
        """Run a classification signature on examples."""
        with self._used("Classify", request.model_spec, api.model_spec(request), request.input) as found:
            return inference.classify(found, request)

    @_answers
    def Regress(self, request):
        """Run a regression signature on examples."""
        with self._used("Regress", request.model_spec, api.model_spec(request), request.input) as found:
            return inference.regress(found, request)

    @_answers
    def MultiInference(self, request):
        """Run several such signatures on the same examples."""
        spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
        with self._used("MultiInference", spec, api.tasks_model_spec(request), request.input) as found:
            return inference.multi_inference(found, request)

    @contextlib.contextmanager
    def _used(self, method, spec, choice, examples=None):
        """The version that a request means, kept loaded; the request is counted and timed."""
        with (
            self.metrics.request(self.models, spec.name, method, "GRPC") as seen,
            self.models.use(*choice) as found,
        ):
            seen.found, seen.signature = found, spec.signature_name
            seen.examples = inference.number_of_examples(examples) if examples else 0
            yield found

    @_answers
    def GetModelMetadata(self, request):
        """Describe the signatures of a model."""
        spec = api.model_spec(request)
        if not request.metadata_field:
            raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != "signature_def":
                raise invalid_argument(f"Metadata field {field} is not supported")
        return api.metadata(self.models, *spec)


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """`tensorflow.serving.ModelService`."""

    def __init__(self, models, watcher):
        self.models = models
        self.watcher = watcher

    @_answers
    def GetModelStatus(self, request):
        """Say which versions of a model there are and how they are."""
        name, version, _ = api.model_spec(request)
        return api.status(self.models, name, version)

    @_answers
    def HandleReloadConfigRequest(self, request):
        """Replace the set of models that are served."""
        self.watcher.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response


def add_services(server, models, watcher, metrics, max_tensor_bytes):
    """Add the services, health checks and reflection to a `grpc.Server`.

    Args:
        server: a server that has not started.
        models: `Models`.
        watcher: the `Watcher` that takes another set of them.
        metrics: `ServingMetrics` that count the requests.
        max_tensor_bytes: largest input tensor accepted.

    Returns:
        The health servicer: `enter_graceful_shutdown()` tells load balancers to stay away.
    """
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(models, metrics, max_tensor_bytes), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(models, watcher), server)
    servicer = health.HealthServicer()
    for service in ("", "PredictionService", "ModelService", _PREDICTION, _MODEL):
        servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((_PREDICTION, _MODEL, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return servicer
