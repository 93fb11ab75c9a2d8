"""What is written down about each request: metrics, and a line of the access log."""

import dataclasses
import datetime
import json
import sys
import threading
import time

from kerasgan.server.inference import engine

_INFERENCE = ("Predict", "Classify", "Regress", "MultiInference")
_MAX_TARGET = 300


@dataclasses.dataclass
class LoggedRequest:
    """One request, filled in while it is worked on.

    Attributes:
        entrypoint: "GRPC" or "REST".
        method: "Predict", "GetModelStatus", ...; "" while, or if, that is not known.
        target: method and path of an HTTP request.
        model: name of the model asked for.
        found: the `Version` that answers.
        signature: name of the signature; "" for the default one.
        rows: rows of its inputs, or number of its Examples; None if there are none.
        examples: number of its Examples.
        status: name of the gRPC status code of the answer.
        http_status: status of an HTTP answer.
        runtime: seconds in the TensorFlow runtime.
        deadline: when the caller's time is up, on the clock of `time.monotonic`; None for never.
        gone: whether the caller waits no longer.
        started: when it came, on the clock of `time.perf_counter`.
    """

    entrypoint: str
    method: str = ""
    target: str = ""
    model: str = ""
    found: object = None
    signature: str = ""
    rows: int | None = None
    examples: int = 0
    status: str = "OK"
    http_status: int | None = None
    runtime: float = 0.0
    deadline: float | None = None
    gone: bool = False
    started: float = dataclasses.field(default_factory=time.perf_counter)


class AccessLog:
    """Appends one JSON object a line to a file. Methods may be called from many threads at once."""

    def __init__(self, path):
        """Open the log.

        Args:
            path: the file, or "-" for standard output.

        Raises:
            OSError: if it cannot be written.
        """
        try:
            self._file = sys.stdout.buffer if path == "-" else open(path, "ab", buffering=0)
        except OSError as error:
            raise type(error)(f"access_log: cannot write {path}: {error.strerror}") from error
        self._lock = threading.Lock()

    def write(self, entry):
        """Append a line; one that cannot be written (the disk is full) is lost."""
        line = json.dumps(entry).encode() + b"\n"
        with self._lock:
            try:
                self._file.write(line)
                self._file.flush()
            except (OSError, ValueError):
                pass

    def close(self):
        """Close the file."""
        if self._file is not sys.stdout.buffer:
            with self._lock:
                self._file.close()


class Recorder:
    """Writes down requests when they are over."""

    def __init__(self, models, metrics, access_log=None):
        """Make a recorder.

        Args:
            models: `Models`.
            metrics: `ServingMetrics`.
            access_log: `AccessLog`, or None.
        """
        self._models = models
        self._metrics = metrics
        self._access_log = access_log

    def record(self, seen):
        """Count, time and log a request."""
        passed = time.perf_counter() - seen.started
        self._count(seen, 1e6 * passed)
        if self._access_log is not None:
            self._access_log.write(_log_entry(seen, passed))

    def _count(self, seen, microseconds):
        metrics, method = self._metrics, seen.method or "unknown"
        metrics.calls.add(method, seen.entrypoint, seen.status)
        metrics.call_latency.add(method, seen.entrypoint, value=microseconds)
        if method not in _INFERENCE:
            return
        # a name that there is not is counted as "": callers could fill the memory with names
        model = seen.model if self._models.has(seen.model) else ""
        metrics.requests.add(model, seen.status)
        if seen.status != "OK":
            return
        api = method if seen.entrypoint == "GRPC" else method.lower()
        metrics.latency.add(model, api, seen.entrypoint, value=microseconds)
        metrics.runtime.add(model, method, "TF1", value=1e6 * seen.runtime)
        if seen.found is not None:
            signature = seen.signature or engine.DEFAULT_SIGNATURE
            metrics.signatures.add(model, str(seen.found.number), signature, value=microseconds)
        if seen.examples:
            metrics.examples.add(model, value=seen.examples)
            metrics.examples_total.add(model, value=seen.examples)


def _log_entry(seen, passed):
    entry = {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
        "protocol": seen.entrypoint,
        "method": seen.method,
        "model": seen.model[:_MAX_TARGET],
        "version": None if seen.found is None else seen.found.number,
        "signature": seen.signature[:_MAX_TARGET],
        "rows": seen.rows,
        "status": seen.status,
        "milliseconds": round(1e3 * passed, 3),
    }
    if seen.entrypoint == "REST":
        entry |= {"target": seen.target[:_MAX_TARGET], "http_status": seen.http_status}
    return entry
