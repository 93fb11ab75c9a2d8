"""TensorFlow Serving's gRPC services."""

import functools
import logging

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
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


def _unimplemented(self, request):
    raise ServingError(grpc.StatusCode.UNIMPLEMENTED, "This server does not offer this method.")


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """`tensorflow.serving.PredictionService`."""

    def __init__(self, models, max_tensor_bytes):
        self.models = models
        self.max_tensor_bytes = max_tensor_bytes

    @_answers
    def Predict(self, request):
        """Run a signature on tensors."""
        return predict(self.models.find(*api.model_spec(request)), request, self.max_tensor_bytes)

    @_answers
    def Classify(self, request):
        """Run a classification signature on examples."""
        return inference.classify(self.models.find(*api.model_spec(request)), request)

    @_answers
    def Regress(self, request):
        """Run a regression signature on examples."""
        return inference.regress(self.models.find(*api.model_spec(request)), request)

    @_answers
    def MultiInference(self, request):
        """Run several such signatures on the same examples."""
        return inference.multi_inference(self.models.find(*api.tasks_model_spec(request)), request)

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
    """`tensorflow.serving.ModelService`: GetModelStatus."""

    def __init__(self, models):
        self.models = models

    @_answers
    def GetModelStatus(self, request):
        """Say which versions of a model there are and how they are."""
        name, version, _ = api.model_spec(request)
        return api.status(self.models, name, version)

    HandleReloadConfigRequest = _answers(_unimplemented)


def add_services(server, models, max_tensor_bytes):
    """Add the services, health checks and reflection to a `grpc.Server`.

    Args:
        server: a server that has not started.
        models: `Models`.
        max_tensor_bytes: largest input tensor accepted.

    Returns:
        The health servicer: `enter_graceful_shutdown()` tells load balancers to stay away.
    """
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(models, max_tensor_bytes), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(models), server)
    servicer = health.HealthServicer()
    for service in ("", "PredictionService", "ModelService", _PREDICTION, _MODEL):
        servicer.set(service, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    reflection.enable_server_reflection((_PREDICTION, _MODEL, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    return servicer
