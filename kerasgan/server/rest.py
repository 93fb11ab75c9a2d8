"""TensorFlow Serving's REST API as an ASGI application."""

import asyncio
import contextlib
import json
import logging
import re
import urllib.parse
import zlib

from tensorflow_serving.apis import classification_pb2, regression_pb2

from kerasgan.server import api, inference, json_examples, json_tensor, page
from kerasgan.server.errors import ServingError, http_status, invalid_argument
from kerasgan.server.monitoring import DEFAULT_METRICS_PATH

log = logging.getLogger("kerasgan.server")

_API = re.compile(r"/v1/.*", re.IGNORECASE | re.DOTALL)
_CHOICE = r"(?:(?:/versions/(?P<version>\d+))|(?:/labels/(?P<label>[^/:]+)))?"
_POST = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_CHOICE}:(?P<verb>classify|regress|predict)", re.IGNORECASE | re.ASCII
)
_GET = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_CHOICE}(?:/(?P<verb>metadata))?", re.IGNORECASE | re.ASCII)
_CORS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, GET"),
    (b"access-control-allow-headers", b"Content-Type"),
]
_NOT_FOUND = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>\n"


def parse_target(method, target):
    """Split the target of a request.

    Args:
        method: the HTTP method.
        target: path with query string, percent-encoded, as it came.

    Returns:
        `(name, version, label, verb)`: name is "" where missing; version (int), label and verb may be None.

    Raises:
        ServingError: INVALID_ARGUMENT, if there is no such route.
    """
    pattern = {"POST": _POST, "GET": _GET}.get(method)
    match = pattern and pattern.fullmatch(target)
    if not match or (match["verb"] or "").lower() != (match["verb"] or ""):
        raise invalid_argument(f"Malformed request: {method} {target}")
    version = match["version"]
    if version is not None:
        if len(version) > 4000 or int(version) >= 2**63:
            raise invalid_argument(f"Failed to convert version: {version} to numeric.")
        version = int(version)
    label = match["label"] and urllib.parse.unquote(match["label"])
    return urllib.parse.unquote(match["name"] or ""), version, label, match["verb"]


class RestApp:
    """ASGI application. Requests are worked off in `executor`, so that the event loop stays free."""

    def __init__(self, models, executor, max_request_bytes, metrics, metrics_path=DEFAULT_METRICS_PATH, cors=False):
        """Make the application.

        Args:
            models: `Models`.
            executor: where requests are worked on.
            max_request_bytes: largest body accepted.
            metrics: `ServingMetrics` that count the requests.
            metrics_path: where they are shown; None for nowhere.
            cors: whether pages from elsewhere may ask.
        """
        self.models = models
        self.metrics = metrics
        self.metrics_path = metrics_path
        self.cors = cors
        self.executor = executor
        self.max_request_bytes = max_request_bytes

    async def __call__(self, scope, receive, send):
        """Answer one HTTP request (the ASGI protocol)."""
        if scope["type"] != "http":
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        target = scope["raw_path"].decode("latin-1")
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        if scope["method"] == "GET" and target in page.PATHS and target != self.metrics_path:
            content, payload = await asyncio.to_thread(page.answer, self.models, target)
            await send({"type": "http.response.start", "status": 200, "headers": content})
            await send({"type": "http.response.body", "body": payload})
            return
        body = await self._read(receive, headers)
        if body is None:
            status, kind, payload = error_response(
                413, f"The request body is larger than the server's limit of {self.max_request_bytes} bytes."
            )
        elif self.cors and scope["method"] == "OPTIONS":  # a browser asks whether its page may ask
            status = 200 if re.match(rb"https?://", headers.get(b"origin", b"")) else 400
            kind, payload = b"text/plain", b""
        else:
            gzipped = b"gzip" in headers.get(b"content-encoding", b"")
            status, kind, payload = await asyncio.get_running_loop().run_in_executor(
                self.executor, self.respond, scope["method"], target, body, gzipped
            )
        content = [(b"content-type", kind), (b"content-length", str(len(payload)).encode())]
        if self.cors:
            content += _CORS
        await send({"type": "http.response.start", "status": status, "headers": content})
        await send({"type": "http.response.body", "body": payload})

    async def _read(self, receive, headers):
        """The request's body, or None if it is too large."""
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self.max_request_bytes and b"expect" in headers:
            return None
        chunks, size = [], 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(chunks)
            size += len(message.get("body", b""))
            if size <= self.max_request_bytes:
                chunks.append(message.get("body", b""))
            else:  # keep nothing, but read on for a while: clients send all before they read our answer
                chunks.clear()
                if size > 4 * self.max_request_bytes + 2**20:
                    return None
            if not message.get("more_body", False):
                return b"".join(chunks) if size <= self.max_request_bytes else None

    def respond(self, method, target, body, gzipped=False):
        """Answer one request; does not raise.

        Args:
            method: the HTTP method.
            target: path with query string, as it came.
            body: bytes.
            gzipped: whether the body is compressed.

        Returns:
            `(HTTP status, content type, body)`, the last two as bytes.
        """
        if self.metrics_path is not None and target.partition("?")[0] == self.metrics_path:
            return self._metrics_page(target)
        if not _API.fullmatch(target):
            return 404, b"text/html", _NOT_FOUND
        try:
            body = self._inflated(body) if gzipped else body
            return 200, b"application/json", self._answer(method, target, body)
        except ServingError as error:
            return error_response(http_status(error.code), error.message)
        except Exception:
            log.exception("request failed: %s %s", method, target)
            return error_response(500, "Internal error; see the server's log.")

    def _inflated(self, body):
        inflater = zlib.decompressobj(wbits=31)
        try:
            body = inflater.decompress(body, self.max_request_bytes + 1)
        except zlib.error:
            return b""
        return body if inflater.eof and len(body) <= self.max_request_bytes else b""

    def _answer(self, method, target, body):
        name, version, label, verb = parse_target(method, target)
        if method == "GET":
            if not name:
                raise invalid_argument("Missing model name in request.")
            if verb == "metadata":
                return api.metadata_to_json(api.metadata(self.models, name, version, label)).encode()
            return api.to_json(api.status(self.models, name, version)).encode()
        methods = {"predict": self._predict, "classify": self._classify, "regress": self._regress}
        with self.metrics.request(self.models, name, verb.capitalize(), "REST") as seen:
            return methods[verb](body, seen, name, version, label)

    def _predict(self, body, seen, *spec):
        with contextlib.ExitStack() as stack:

            def inputs_of(signature_name):
                seen.found, seen.signature = stack.enter_context(self.models.use(*spec)), signature_name
                return api.rest_inputs(seen.found, signature_name)

            signature_name, inputs, row = json_tensor.read_request(body, inputs_of)
            outputs = seen.found.engine.run(signature_name, inputs)
        return json_tensor.write_response(outputs, row)

    def _classify(self, body, seen, *spec):
        request = _examples_request(classification_pb2.ClassificationRequest, body, seen)
        with self.models.use(*spec) as seen.found:
            return json_examples.write_classifications(inference.classify(seen.found, request).result)

    def _regress(self, body, seen, *spec):
        request = _examples_request(regression_pb2.RegressionRequest, body, seen)
        with self.models.use(*spec) as seen.found:
            return json_examples.write_regressions(inference.regress(seen.found, request).result)

    def _metrics_page(self, target):
        if target != self.metrics_path:
            text = f"Unexpected path: {target}. Should be {self.metrics_path}"
            return 400, b"text/plain", text.encode(errors="replace")
        return 200, b"text/plain", self.metrics.page().encode(errors="replace")


def _examples_request(kind, body, seen):
    seen.signature, request_input = json_examples.read_request(body)
    seen.examples = inference.number_of_examples(request_input)
    request = kind(input=request_input)
    request.model_spec.signature_name = seen.signature
    return request


def error_response(status, message):
    """`(HTTP status, content type, body)` of an error."""
    return status, b"application/json", json.dumps({"error": message}, indent=4).encode()
