"""TensorFlow Serving's gRPC services."""

import contextlib
import logging
import threading
import time

import grpc
from google.protobuf import message_factory
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import model_management_pb2, model_pb2, model_service_pb2, prediction_service_pb2

from kerasgan.server import turns
from kerasgan.server.errors import ServingError, denied, exhausted, invalid_argument
from kerasgan.server.grpc.threads import in_lane
from kerasgan.server.inference import engine, examples, metadata
from kerasgan.server.inference.predict import predict
from kerasgan.server.request_log import LoggedRequest

log = logging.getLogger("kerasgan.server")

_MAX_ERROR_BYTES = 1024
_LARGE_BYTES = 2**20
_A_YEAR = 366 * 86_400.0  # seconds; of a call without a deadline gRPC says that centuries remain
MAX_UNREAD_BYTES = 2**30
UNREAD_SECONDS = 60.0
PREDICTION = prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"]
MODEL = model_service_pb2.DESCRIPTOR.services_by_name["ModelService"]


def _cut(message):
    encoded = message.encode()
    if len(encoded) <= _MAX_ERROR_BYTES:
        return message
    return encoded[:_MAX_ERROR_BYTES].decode(errors="ignore") + "...TRUNCATED"


class PredictionService:
    """`tensorflow.serving.PredictionService`: a method takes a request and the `LoggedRequest` to be filled in."""

    def __init__(self, models, options):
        self.models = models
        self.options = options

    def Predict(self, request, seen):
        """Run a signature on tensors; the answer is serialized already."""
        seen.rows = next((dims[0].size for dims in _dimensions(request) if dims), None)
        with self._used(seen, request.model_spec, metadata.model_spec(request)) as version:
            options = self.options
            return predict(version, request, options.max_request_bytes, seen.deadline, options.tensor_content)

    def Classify(self, request, seen):
        """Run a classification signature on examples."""
        with self._used(seen, request.model_spec, metadata.model_spec(request), request.input) as version:
            return examples.classify(version, request, seen.deadline)

    def Regress(self, request, seen):
        """Run a regression signature on examples."""
        with self._used(seen, request.model_spec, metadata.model_spec(request), request.input) as version:
            return examples.regress(version, request, seen.deadline)

    def MultiInference(self, request, seen):
        """Run several such signatures on the same examples."""
        spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
        with self._used(seen, spec, metadata.tasks_model_spec(request), request.input) as version:
            return examples.multi_inference(version, request, seen.deadline)

    @contextlib.contextmanager
    def _used(self, seen, spec, choice, given=None):
        """The version that a request means, kept loaded."""
        seen.model, seen.signature = spec.name, spec.signature_name
        with self.models.use(*choice) as found:
            seen.found = found
            if given is not None:
                seen.rows = seen.examples = examples.number_of_examples(given)
            yield found

    def GetModelMetadata(self, request, seen):
        """Describe the signatures of a model."""
        seen.model, version, label = metadata.model_spec(request)
        if not request.metadata_field:
            raise invalid_argument("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field not in metadata.METADATA_FIELDS:
                raise metadata.unsupported(field)
        return metadata.described(self.models, seen.model, version, label, request.metadata_field)


def _dimensions(request):
    return (tensor.tensor_shape.dim for tensor in request.inputs.values())


class ModelService:
    """`tensorflow.serving.ModelService`, likewise."""

    def __init__(self, models, watcher, options):
        self.models = models
        self.watcher = watcher
        self.options = options

    def GetModelStatus(self, request, seen):
        """Say which versions of a model there are and how they are."""
        seen.model, version, _ = metadata.model_spec(request)
        return metadata.status(self.models, seen.model, version)

    def HandleReloadConfigRequest(self, request, seen):
        """Replace the set of models that are served."""
        if not self.options.reload_requests:
            raise denied("This server takes no reload requests (--no-reload-requests).")
        self.watcher.reload(request.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response


def _handler(method, description, recorder, lane, unread):
    """What gRPC calls for a method: bytes in, bytes out, errors as statuses, and the request written down.

    grpcio could take the messages apart itself, but it (1.85) keeps 16 KB for good of each call whose message it
    cannot parse.
    """
    parse = message_factory.GetMessageClass(description.input_type).FromString

    def answer(data, context):
        seen = LoggedRequest("GRPC", description.name)
        seconds = context.time_remaining()
        seen.deadline = time.monotonic() + seconds if seconds is not None and seconds < _A_YEAR else None
        turns.caller.is_gone = lambda: not context.is_active()
        engine.clock.seconds = 0.0
        try:
            turns.check_wanted(seen.deadline)  # it may have waited for a thread longer than its caller for the answer
            response = method(_parsed(parse, data), seen)
            answered = response if isinstance(response, bytes) else response.SerializeToString()
            unread.add(answered, context)
        except ServingError as error:
            seen.status = error.code.name
            _record(recorder, seen)
            context.abort(error.code, _cut(error.message))
        except Exception:
            seen.status = "INTERNAL"
            log.exception("request failed: %s", description.name)
            _record(recorder, seen)
            context.abort(grpc.StatusCode.INTERNAL, "Internal error; see the server's log.")
        _record(recorder, seen)
        return answered

    return grpc.unary_unary_rpc_method_handler(in_lane(lane, answer))


class _Unread:
    """Large answers that their callers have not read to the end: gRPC holds them in memory until then."""

    def __init__(self):
        self._answers = {}  # size and time of each, by its call, the oldest first
        self._bytes = 0
        self._lock = threading.Lock()

    def add(self, answer, context):
        """Count an answer until its call is over; where there is no room, calls that have had long to read are cut.

        Raises:
            ServingError: RESOURCE_EXHAUSTED, if others take too much already.
        """
        size, now = len(answer), time.monotonic()
        if size < _LARGE_BYTES:
            return
        with self._lock:
            while self._answers and self._bytes + size > MAX_UNREAD_BYTES:
                oldest, (_, since) = next(iter(self._answers.items()))
                if now - since < UNREAD_SECONDS:
                    raise exhausted(
                        f"Answers of {self._bytes} bytes wait for callers that read slowly; the server keeps at most "
                        f"{MAX_UNREAD_BYTES} for them. Ask again later, or for fewer rows."
                    )
                self._drop(oldest)
                oldest.cancel()
            self._answers[context] = size, now
            self._bytes += size
        if not context.add_callback(lambda: self._over(context)):  # the call is over
            self._over(context)

    def _over(self, context):
        with self._lock:
            self._drop(context)

    def _drop(self, context):
        self._bytes -= self._answers.pop(context, (0, 0.0))[0]


def _record(recorder, seen):
    seen.runtime = engine.clock.seconds
    recorder.record(seen)


def _parsed(parse, data):
    """The message; INTERNAL if `data` is none, which is gRPC's code for it in C++ and in Python."""
    try:
        return parse(data)
    except DecodeError as error:
        raise ServingError(grpc.StatusCode.INTERNAL, "the request cannot be parsed") from error


def add_services(server, models, watcher, recorder, options, lanes):
    """Add TensorFlow Serving's services to a `grpc.Server`.

    Args:
        server: a server that has not started.
        models: `Models`.
        watcher: the `Watcher` that takes another set of them.
        recorder: the `Recorder` of requests.
        options: `ServerOptions`.
        lanes: `Lanes`.
    """
    lane_of = {
        "GetModelMetadata": lanes.status,
        "GetModelStatus": lanes.status,
        "HandleReloadConfigRequest": lanes.reload,
    }
    unread = _Unread()
    for servicer, description in (
        (PredictionService(models, options), PREDICTION),
        (ModelService(models, watcher, options), MODEL),
    ):
        handlers = {
            method.name: _handler(
                getattr(servicer, method.name), method, recorder, lane_of.get(method.name, lanes.compute), unread
            )
            for method in description.methods
            if hasattr(servicer, method.name)
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(description.full_name, handlers),))
