"""One kind of error for both transports."""

import grpc

_HTTP_STATUS = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.DATA_LOSS: 500,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}


def http_status(code):
    """The HTTP status that TensorFlow Serving answers for a `grpc.StatusCode`."""
    return _HTTP_STATUS[code]


class ServingError(Exception):
    """A request that cannot be answered.

    Attributes:
        code: `grpc.StatusCode`; `http_status(code)` is its HTTP counterpart.
        message: the text sent to the caller.
    """

    def __init__(self, code, message):
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self):
        return f"{self.code.name}: {self.message}"


def invalid_argument(message):
    """A `ServingError` that says the request itself is wrong."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message):
    """A `ServingError` that says there is no such model or version."""
    return ServingError(grpc.StatusCode.NOT_FOUND, message)


def deadline_exceeded(message):
    """A `ServingError` that says the caller's time was up before the request was computed."""
    return ServingError(grpc.StatusCode.DEADLINE_EXCEEDED, message)


def cancelled(message):
    """A `ServingError` that says nobody waits for the answer."""
    return ServingError(grpc.StatusCode.CANCELLED, message)


def exhausted(message):
    """A `ServingError` that says there is more to do than the server takes on."""
    return ServingError(grpc.StatusCode.RESOURCE_EXHAUSTED, message)


def failed_precondition(message):
    """A `ServingError` that says the model cannot do this."""
    return ServingError(grpc.StatusCode.FAILED_PRECONDITION, message)


def from_tensorflow(error):
    """A `ServingError` with the code and text of a `tf.errors.OpError`."""
    return ServingError(_CODES.get(error.error_code, grpc.StatusCode.UNKNOWN), error.message)
