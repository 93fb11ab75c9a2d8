"""The standard gRPC services beside TensorFlow Serving's: health checks and reflection.

grpcio's own health service holds a lock while it writes to a stream, which that stream's reader may hold up for ever.
Each open stream holds a thread of the streams' lane, and no other.
"""

import threading

import grpc
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from kerasgan.server.grpc.service import MODEL, PREDICTION
from kerasgan.server.grpc.threads import in_lane

_HEALTHY = ("", "PredictionService", "ModelService", PREDICTION.full_name, MODEL.full_name)
_REFLECTED = (PREDICTION.full_name, MODEL.full_name, health.SERVICE_NAME, reflection.SERVICE_NAME)
_Answer = health_pb2.HealthCheckResponse


class Health:
    """`grpc.health.v1.Health`."""

    def __init__(self, server, lanes):
        """Add it to a `grpc.Server` that has not started."""
        self._changed = threading.Condition()
        self._status = _Answer.SERVING
        handlers = {
            "Check": grpc.unary_unary_rpc_method_handler(
                in_lane(lanes.status, lambda request, context: self.check(request, context)),
                health_pb2.HealthCheckRequest.FromString,
                _Answer.SerializeToString,
            ),
            "List": grpc.unary_unary_rpc_method_handler(
                in_lane(lanes.status, lambda request, context: self.list(request, context)),
                health_pb2.HealthListRequest.FromString,
                health_pb2.HealthListResponse.SerializeToString,
            ),
            "Watch": grpc.unary_stream_rpc_method_handler(
                in_lane(lanes.streams, lambda request, context: self.watch(request, context)),
                health_pb2.HealthCheckRequest.FromString,
                _Answer.SerializeToString,
            ),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(health.SERVICE_NAME, handlers),))

    def check(self, request, context):
        """Say how a service is."""
        if request.service not in _HEALTHY:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return _Answer(status=self._status)

    def list(self, request, context):
        """Say how each service is."""
        return health_pb2.HealthListResponse(statuses={name: _Answer(status=self._status) for name in _HEALTHY})

    def watch(self, request, context):
        """Say how a service is, and once more when the server stops; with that the stream ends."""
        known = request.service in _HEALTHY
        yield _Answer(status=self._status if known else _Answer.SERVICE_UNKNOWN)
        context.add_callback(self._notify)
        with self._changed:
            self._changed.wait_for(lambda: self._status != _Answer.SERVING or not context.is_active())
        if known:
            yield _Answer(status=self._status)

    def _notify(self):
        with self._changed:
            self._changed.notify_all()

    def stop(self):
        """Tell load balancers to stay away."""
        self._status = _Answer.NOT_SERVING
        self._notify()


class Reflection:
    """`grpc.reflection.v1alpha.ServerReflection`."""

    def __init__(self, server, lanes):
        """Add it to a `grpc.Server` that has not started."""
        self._servicer = reflection.ReflectionServicer(_REFLECTED)
        self._open = set()
        self._lock = threading.Lock()
        handler = grpc.stream_stream_rpc_method_handler(
            in_lane(lanes.streams, lambda requests, context: self.answer(requests, context), streams=True),
            reflection_pb2.ServerReflectionRequest.FromString,
            reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        handlers = {"ServerReflectionInfo": handler}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(reflection.SERVICE_NAME, handlers),))

    def answer(self, requests, context):
        """Answer the requests of a stream."""
        with self._lock:
            self._open.add(context)
        try:
            yield from self._servicer.ServerReflectionInfo(requests, context)
        finally:
            with self._lock:
                self._open.discard(context)

    def stop(self):
        """End the streams that are open."""
        with self._lock:
            for context in self._open:
                context.cancel()
