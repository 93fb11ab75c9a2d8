"""TensorFlow Serving's REST API as an ASGI application."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import re
import time
import urllib.parse
from collections.abc import Callable

from tensorflow_serving.apis import classification_pb2, regression_pb2

from kerasgan.server import turns
from kerasgan.server.errors import (
    ServingError,
    cancelled,
    cut,
    deadline_exceeded,
    exhausted,
    invalid_argument,
    too_large,
)
from kerasgan.server.inference import engine, examples, metadata
from kerasgan.server.request_log import LoggedRequest
from kerasgan.server.rest import json_examples, json_tensor, page
from kerasgan.server.rest.content_encoding import unpacked

log = logging.getLogger("kerasgan.server")

_ORIGIN = re.compile(r"^https?://[^/]*", re.IGNORECASE)  # a client may ask so, as if the server were a proxy
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
READY = "/readyz"  # what load balancers ask
MAX_ERROR_CHARACTERS = 1024  # of all texts; what they quote of a request is shorter
MAX_UNREAD_BYTES = 2**30
MAX_RECEIVED_BYTES = 2**30
_PIECE = 2**18  # bytes of an answer that are written at once
_UNTIL_LISTENING = 0.2  # seconds of an answer after which it is seen to whether its caller is still there
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
        raise invalid_argument(f"Malformed request: {cut(method)} {cut(target)}")
    version = match["version"]
    if version is not None:
        if len(version) > 4000 or int(version) >= 2**63:
            raise invalid_argument(f"Failed to convert version: {cut(version)} to numeric.")
        version = int(version)
    label = match["label"] and urllib.parse.unquote(match["label"])
    return urllib.parse.unquote(match["name"] or ""), version, label, match["verb"]


class RestApp:
    """ASGI application. Requests are worked off in threads, so that the event loop stays free."""

    def __init__(self, models, executors, recorder, options, host_names, get_metrics):
        """Make the application.

        Args:
            models: `Models`.
            executors: where requests are worked on: `turns.pools`.
            recorder: the `Recorder` of requests.
            options: `ServerOptions`.
            host_names: `HostNames` that it answers to.
            get_metrics: function that returns the text of the page of metrics.
        """
        self.models = models
        self.recorder = recorder
        self.options = options
        self.host_names = host_names
        self.executor, self.large_executor = executors
        self.get_metrics = get_metrics
        self.stops = False  # whether load balancers are to stay away
        self._under_way = 0
        self._received = 0  # bytes of bodies that are read, or wait for their answer
        self._unread = 0  # bytes of answers that their callers have not read

    async def __call__(self, scope, receive, send):
        """Answer one HTTP request (the ASGI protocol)."""
        if scope["type"] != "http":
            return
        headers = _joined(scope["headers"])
        target = _ORIGIN.sub("", scope["raw_path"].decode("latin-1"), count=1) or "/"
        if scope["query_string"]:
            target += "?" + scope["query_string"].decode("latin-1")
        seen = LoggedRequest("REST", target=f"{scope['method']} {target}")
        seen.deadline = time.monotonic() + self.options.rest_timeout_seconds
        content = [(b"connection", b"close")] if self.stops else []
        if target == READY:
            await self._say_ready(send, content)
            return
        try:
            status, kind, payload = await self._attend(scope["method"], target, headers, receive, seen)
            self._check_room(payload)
        except ServingError as error:
            seen = dataclasses.replace(seen, status=error.code.name)  # a thread may still fill in the other
            status, kind, payload = error_response(error.http_status, error.message)
            content = [(b"connection", b"close")]  # its body may not have been read
        seen.http_status = status
        self.recorder.record(seen)
        content += [(b"content-type", kind), (b"content-length", str(len(payload)).encode())]
        if page.has(target):
            content += page.HEADERS
        if self.options.cors:
            content += _CORS
        await send({"type": "http.response.start", "status": status, "headers": content})
        await self._send(payload, send)

    async def _say_ready(self, send, content):
        """Answer a load balancer, whatever host name it asks for: 200, or 503 once the server is told to stop."""
        status, text = (503, b"stopping\n") if self.stops else (200, b"ready\n")
        content += [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": content})
        await send({"type": "http.response.body", "body": text})

    def _check_room(self, payload):
        if len(payload) > _PIECE and self._unread and self._unread + len(payload) > MAX_UNREAD_BYTES:
            raise exhausted(
                f"Answers of {self._unread} bytes wait for callers that read slowly; the server keeps at most "
                f"{MAX_UNREAD_BYTES} for them. Ask again later, or for fewer rows."
            )

    async def _send(self, payload, send):
        """Send an answer in pieces, each when most of the one before has been read; it is counted until then."""
        self._unread += len(payload)
        try:
            for start in range(0, max(1, len(payload)), _PIECE):
                stop = start + _PIECE
                body = payload[start:stop]
                await send({"type": "http.response.body", "body": body, "more_body": stop < len(payload)})
        finally:
            self._unread -= len(payload)

    async def _attend(self, method, target, headers, receive, seen):
        """Read the request and have it answered in time: `(HTTP status, content type, body)`.

        Raises:
            ServingError: RESOURCE_EXHAUSTED or DEADLINE_EXCEEDED.
        """
        if self._under_way >= self.options.max_requests:
            raise exhausted(f"The server has {self.options.max_requests} requests under way already (--max-requests).")
        self._under_way += 1
        leave: Callable[[], None] | None = self._leave
        held: list[int] = []  # bytes of the body
        try:
            async with asyncio.timeout(self.options.rest_timeout_seconds):
                body = await self._read(receive, headers, held)
                if body is None:
                    limit = self.options.max_request_bytes
                    text = f"The request body is larger than the server's limit of {limit} bytes (--max-request-bytes)."
                    raise too_large(text)
                self.host_names.check(headers.get("host"))
                if self.options.cors and method == "OPTIONS":  # a browser asks whether its page may ask
                    return 200 if re.match("https?://", headers.get("origin", "")) else 400, b"text/plain", b""
                encoding = headers.get("content-encoding", "")
                leave = None  # it is under way until a thread is done with it
                return await self._answered(receive, seen, method, target, body, encoding)
        except TimeoutError:
            seconds = self.options.rest_timeout_seconds
            raise deadline_exceeded(f"Timed out after {seconds:g} seconds (--rest_api_timeout_in_ms).") from None
        finally:
            seen.gone = True  # now, or it has its answer
            self._received -= sum(held)
            if leave is not None:
                leave()

    async def _answered(self, receive, seen, *request):
        """Let threads answer a request, for as long as its caller is there."""
        for executor in (self.executor, self.large_executor):
            answered = self._submitted(executor, *request, seen)
            done, _ = await asyncio.wait({answered}, timeout=_UNTIL_LISTENING)
            if not done:
                hung_up = asyncio.ensure_future(receive())
                try:
                    await asyncio.wait({answered, hung_up}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    hung_up.cancel()
                if not answered.done():
                    answered.cancel()
                    raise cancelled("The caller is gone.")
            if not isinstance(answered.result(), turns.NotYet):
                return answered.result()
            self._under_way += 1

    def _submitted(self, executor, *request):
        """The `asyncio.Future` of a request given to threads, for its answer or `NotYet`; it is under way until then.

        The event loop is woken once a request, which costs as much as all else that it does.
        """
        loop = asyncio.get_running_loop()
        answered = loop.create_future()

        def arrived(future):
            self._leave()
            if future.cancelled():  # the server stops
                answered.cancel()
            elif not answered.done():  # else nobody waits any longer
                answered.set_result(future.exception() or future.result())

        future = executor.submit(self.respond, *request)
        future.add_done_callback(lambda future: loop.call_soon_threadsafe(arrived, future))
        return answered

    def _leave(self):
        self._under_way -= 1

    async def _read(self, receive, headers, held):
        """The request's body, whose bytes are counted in `held`; or None if it is too large."""
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.options.max_request_bytes and "expect" in headers:
            return None
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(chunks)
            size += len(message.get("body", b""))
            if size <= self.options.max_request_bytes:
                chunks.append(message.get("body", b""))
                self._hold(len(chunks[-1]), held)
            else:  # keep nothing, but read on for a while: clients send all before they read our answer
                chunks.clear()
                if size > 4 * self.options.max_request_bytes + 2**20:
                    return None
            if not message.get("more_body", False):
                return b"".join(chunks) if size <= self.options.max_request_bytes else None

    def _hold(self, size, held):
        """Count bytes of a body.

        Raises:
            ServingError: RESOURCE_EXHAUSTED, if those of other requests leave no room for them.
        """
        if self._received > sum(held) and self._received + size > MAX_RECEIVED_BYTES:
            raise exhausted(
                f"Requests of {self._received} bytes wait or are not complete; the server keeps at most "
                f"{MAX_RECEIVED_BYTES}. Ask again later."
            )
        held.append(size)
        self._received += size

    def respond(self, method, target, body, encoding, seen):
        """Answer one request; does not raise.

        Args:
            method: the HTTP method.
            target: path with query string, as it came.
            body: bytes.
            encoding: the Content-Encoding header, "" for none.
            seen: `LoggedRequest`, to be filled in.

        Returns:
            `(HTTP status, content type, body)`, the last two as bytes.
        """
        if self.options.metrics_path is not None and target.partition("?")[0] == self.options.metrics_path:
            return self._metrics_page(target, seen)
        if method in ("GET", "HEAD") and page.has(target):
            seen.method = "GetPage"
            return 200, *page.answer(self.models, target)
        if not _API.fullmatch(target):
            seen.status = "NOT_FOUND"
            return 404, b"text/html", _NOT_FOUND
        engine.clock.seconds = 0.0
        turns.caller.is_gone = lambda: seen.gone
        try:
            if method == "POST":
                body = unpacked(body, encoding, self.options.max_request_bytes)
            return 200, b"application/json", self._answer(method, target, body, seen)
        except ServingError as error:
            seen.status = error.code.name
            return error_response(error.http_status, error.message)
        except Exception:
            log.exception("request failed: %s %s", cut(method), cut(target))
            seen.status = "INTERNAL"
            return error_response(500, "Internal error; see the server's log.")
        finally:
            seen.runtime = engine.clock.seconds

    def _answer(self, method, target, body, seen):
        seen.model, version, label, verb = parse_target(method, target)
        if method == "GET":
            seen.method = "GetModelMetadata" if verb == "metadata" else "GetModelStatus"
            if not seen.model:
                raise invalid_argument("Missing model name in request.")
            if verb == "metadata":
                return metadata.metadata_to_json(metadata.described(self.models, seen.model, version, label)).encode()
            return metadata.to_json(metadata.status(self.models, seen.model, version)).encode()
        seen.method = verb.capitalize()
        methods = {"predict": self._predict, "classify": self._classify, "regress": self._regress}
        return methods[verb](body, seen, version, label)

    def _predict(self, body, seen, version, label):
        with contextlib.ExitStack() as stack:

            def inputs_of(signature_name):
                seen.found = stack.enter_context(self.models.use(seen.model, version, label))
                seen.signature = signature_name
                return metadata.rest_inputs(seen.found, signature_name)

            signature_name, inputs, row = json_tensor.read_request(body, inputs_of)
            seen.rows = next((len(array) for array in inputs.values() if array.ndim), None)
            outputs = seen.found.engine.run(signature_name, inputs, (), seen.deadline)
        return json_tensor.write_response(outputs, row)

    def _classify(self, body, seen, version, label):
        request = _examples_request(classification_pb2.ClassificationRequest, body, seen)
        with self.models.use(seen.model, version, label) as seen.found:
            answer = examples.classify(seen.found, request, seen.deadline)
        return json_examples.write_classifications(answer.result)

    def _regress(self, body, seen, version, label):
        request = _examples_request(regression_pb2.RegressionRequest, body, seen)
        with self.models.use(seen.model, version, label) as seen.found:
            answer = examples.regress(seen.found, request, seen.deadline)
        return json_examples.write_regressions(answer.result)

    def _metrics_page(self, target, seen):
        seen.method = "GetMetrics"
        if target != self.options.metrics_path:
            seen.status = "INVALID_ARGUMENT"
            text = f"Unexpected path: {cut(target)}. Should be {self.options.metrics_path}"
            return 400, b"text/plain", text.encode(errors="replace")
        return 200, b"text/plain", self.get_metrics().encode(errors="replace")


def _joined(headers):
    """`{name: value}` of the headers of a request; values of one name are joined by commas, as HTTP has it."""
    joined: dict[str, list[str]] = {}
    for name, value in headers:
        joined.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return {name: ",".join(values) for name, values in joined.items()}


def _examples_request(kind, body, seen):
    seen.signature, request_input = json_examples.read_request(body)
    seen.rows = seen.examples = examples.number_of_examples(request_input)
    request = kind(input=request_input)
    request.model_spec.signature_name = seen.signature
    return request


def error_response(status, message):
    """`(HTTP status, content type, body)` of an error."""
    return status, b"application/json", json.dumps({"error": cut(message, MAX_ERROR_CHARACTERS)}, indent=4).encode()
