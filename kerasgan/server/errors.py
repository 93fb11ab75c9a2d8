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
_MOST_CHARACTERS = 200  # of what a request brought, in a message


def cut(text, most=_MOST_CHARACTERS):
    """Text of a request for a message: its beginning, if it is long."""
    return text if len(text) <= most else f"{text[:most]}...TRUNCATED"


def cut_list(names):
    """Names of a request for a message, sorted, with commas."""
    return cut(",".join(sorted(names)))


def http_status(code):
    """The HTTP status that TensorFlow Serving answers for a `grpc.StatusCode`."""
    return _HTTP_STATUS[code]


class ServingError(Exception):
    """A request that cannot be answered.

    Attributes:
        code: `grpc.StatusCode`.
        message: the text sent to the caller.
        http_status: the HTTP status.
    """

    def __init__(self, code, message, http=None):
        """Make an error; `http` is its HTTP status where that of TensorFlow Serving for the code says too little."""
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.http_status = http or http_status(code)

    def __str__(self):
        return f"{self.code.name}: {self.message}"


def invalid_argument(message, http=None):
    """A `ServingError` that says the request itself is wrong."""
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message, http)


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


def too_large(message):
    """A `ServingError` that says a request is larger than the server takes, however little it has to do."""
    return ServingError(grpc.StatusCode.RESOURCE_EXHAUSTED, message, 413)


def denied(message):
    """A `ServingError` that says this caller may not ask this."""
    return ServingError(grpc.StatusCode.PERMISSION_DENIED, message)


def failed_precondition(message):
    """A `ServingError` that says the model cannot do this."""
    return ServingError(grpc.StatusCode.FAILED_PRECONDITION, message)


def from_tensorflow(error, most=None):
    """A `ServingError` with the code and text of a `tf.errors.OpError`; of the text at most so many characters."""
    message = error.message if most is None else cut(error.message, most)
    return ServingError(_CODES.get(error.error_code, grpc.StatusCode.UNKNOWN), message)
