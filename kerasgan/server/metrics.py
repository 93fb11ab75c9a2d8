"""Counters and histograms under TensorFlow Serving's names, as Prometheus reads them.

`prometheus_client` does not fit: it appends `_total` to the name of every counter. The text follows
`tensorflow_serving/util/prometheus_exporter.cc`; the names and buckets `servables/tensorflow/util.cc`.
"""

import bisect
import contextlib
import dataclasses
import math
import re
import threading
import time

from kerasgan.server import engine
from kerasgan.server.errors import ServingError


def exponential(first, factor, count):
    """Upper limits of histogram buckets: `first * factor ** i` for i < count, and infinity."""
    return [first * factor**power for power in range(count)] + [math.inf]


class Metric:
    """A counter, a gauge or a histogram: one value, or set of buckets, for each combination of labels."""

    def __init__(self, name, kind, labels, limits=None):
        """Make a metric without values.

        Args:
            name: TensorFlow's name, such as "/tensorflow/serving/request_count".
            kind: "counter", "gauge" or "histogram".
            labels: names of the labels.
            limits: of a histogram: upper limits of the buckets, rising, the last infinite.
        """
        self.name = re.sub("[^a-zA-Z0-9_]", ":", name)
        self.kind = kind
        self._labels = [_label_name(label) for label in labels]
        self._limits = limits
        self._cells = {}
        self._lock = threading.Lock()

    def add(self, *labels, value=1):
        """Add to a counter, or put one value into a histogram.

        Args:
            *labels: values of the labels, in order.
            value: what to add, or to count.
        """
        with self._lock:
            if self._limits is None:
                self._cells[labels] = self._cells.get(labels, 0) + value
                return
            counts, total = self._cells.get(labels) or ([0] * len(self._limits), 0.0)
            counts[bisect.bisect_right(self._limits, value, hi=len(counts) - 1)] += 1
            self._cells[labels] = counts, total + value

    def set(self, *labels, value):
        """Set a gauge."""
        with self._lock:
            self._cells[labels] = value

    def lines(self):
        """The metric in Prometheus's text format, as a list of lines."""
        with self._lock:
            cells = {
                labels: cell if self._limits is None else (list(cell[0]), cell[1])
                for labels, cell in self._cells.items()
            }
        lines = [f"# TYPE {self.name} {self.kind}"]
        for labels, cell in cells.items():
            pairs = [f'{name}="{_escaped(value)}"' for name, value in zip(self._labels, labels, strict=True)]
            if self._limits is None:
                lines.append(f"{self.name}{{{','.join(pairs)}}} {cell}")
            else:
                lines.extend(self._histogram(pairs, *cell))
        return lines

    def _histogram(self, pairs, counts, total):
        running = 0
        for limit, count in zip(self._limits, counts, strict=True):
            running += count
            text = "+Inf" if math.isinf(limit) else f"{limit:g}"
            bucket = ",".join([*pairs, f'le="{text}"'])
            yield f"{self.name}_bucket{{{bucket}}} {running}"
        yield f"{self.name}_sum{{{','.join(pairs)}}} {float(total)!r}"
        yield f"{self.name}_count{{{','.join(pairs)}}} {running}"


def _label_name(name):
    name = re.sub("[^a-zA-Z0-9]", "_", name)
    return f"_{name}" if name[:1].isdigit() else name


def _escaped(value):
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@dataclasses.dataclass
class Seen:
    """What `ServingMetrics.request` is told about a request in the course of it.

    Attributes:
        found: the `Version` that answers it.
        signature: name of the signature.
        examples: number of its Examples.
    """

    found: object = None
    signature: str = ""
    examples: int = 0


class ServingMetrics:
    """The metrics of one server. Latencies are in microseconds.

    Attributes:
        requests: requests by model and status.
        latency: time of whole requests by model, API ("Predict" over gRPC, "predict" over REST) and
            entrypoint ("GRPC", "REST").
        runtime: time in the TensorFlow runtime by model, API and runtime.
        signatures: time of whole requests by model, version and signature; kerasgan's own.
        examples, examples_total: number of Examples by model: distribution, and sum.
    """

    def __init__(self):
        microseconds = exponential(10, 1.8, 33)
        self.requests = Metric("/tensorflow/serving/request_count", "counter", ["model_name", "status"])
        self.latency = Metric(
            "/tensorflow/serving/request_latency",
            "histogram",
            ["model_name", "API", "entrypoint"],
            microseconds,
        )
        self.runtime = Metric(
            "/tensorflow/serving/runtime_latency", "histogram", ["model_name", "API", "runtime"], microseconds
        )
        self.signatures = Metric(
            "/kerasgan/serving/signature_latency",
            "histogram",
            ["model_name", "version", "signature_name"],
            microseconds,
        )
        self.examples = Metric(
            "/tensorflow/serving/request_example_counts", "histogram", ["model"], exponential(1, 2, 15)
        )
        self.examples_total = Metric("/tensorflow/serving/request_example_count_total", "counter", ["model"])

    @contextlib.contextmanager
    def request(self, models, name, api, entrypoint):
        """Count and time the request that is worked on inside the `with` block, by this thread.

        Args:
            models: `Models`.
            name: name of the model asked for; one that there is not is counted as "", or callers could fill the
                memory with names.
            api: "Predict", "Classify", "Regress" or "MultiInference".
            entrypoint: "GRPC" or "REST".

        Yields:
            `Seen`, to be filled in.
        """
        seen, start = Seen(), time.perf_counter()
        model = name if models.has(name) else ""
        engine.clock.seconds = 0.0
        try:
            yield seen
        except Exception as error:
            self.requests.add(model, error.code.name if isinstance(error, ServingError) else "INTERNAL")
            raise
        passed = 1e6 * (time.perf_counter() - start)
        self.requests.add(model, "OK")
        self.latency.add(model, api if entrypoint == "GRPC" else api.lower(), entrypoint, value=passed)
        self.runtime.add(model, api, "TF1", value=1e6 * engine.clock.seconds)
        if seen.found is not None:
            signature = seen.signature or engine.DEFAULT_SIGNATURE
            self.signatures.add(model, str(seen.found.number), signature, value=passed)
        if seen.examples:
            self.examples.add(model, value=seen.examples)
            self.examples_total.add(model, value=seen.examples)

    def page(self):
        """All metrics in Prometheus's text format."""
        metrics = sorted(vars(self).values(), key=lambda metric: metric.name)
        return "\n".join(line for metric in metrics for line in metric.lines()) + "\n"
