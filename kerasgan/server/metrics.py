"""Counters and histograms under TensorFlow Serving's names, as Prometheus reads them.

`prometheus_client` does not fit: it appends `_total` to the name of every counter. The text follows
`tensorflow_serving/util/prometheus_exporter.cc`; the names and buckets `servables/tensorflow/util.cc`.
"""

import bisect
import math
import re
import threading


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


class ServingMetrics:
    """The metrics of one server. Latencies are in microseconds.

    Attributes:
        requests: inference requests by model and status.
        latency: time of whole inference requests by model, API ("Predict" over gRPC, "predict" over REST) and
            entrypoint ("GRPC", "REST").
        runtime: time in the TensorFlow runtime, with batching that in the queue included, by model, API and runtime.
        signatures: time of whole inference requests by model, version and signature; kerasgan's own.
        calls: all requests, those for status and metadata included, by method, entrypoint and status; kerasgan's own.
        call_latency: their time by method and entrypoint; kerasgan's own.
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
        self.calls = Metric("/kerasgan/serving/call_count", "counter", ["method", "entrypoint", "status"])
        self.call_latency = Metric(
            "/kerasgan/serving/call_latency", "histogram", ["method", "entrypoint"], microseconds
        )
        self.examples = Metric(
            "/tensorflow/serving/request_example_counts", "histogram", ["model"], exponential(1, 2, 15)
        )
        self.examples_total = Metric("/tensorflow/serving/request_example_count_total", "counter", ["model"])


class BatchingMetrics:
    """The metrics of batching.

    Attributes:
        queuing_latency: time in the queue in microseconds, by name of the thread pool.
        input_batch_size: rows of requests.
        processed_batch_size: rows of batches, padding included.
        padding_size: rows added to batches, by rows of the batch.
    """

    def __init__(self):
        sizes = exponential(1, 2, 14)
        name = "/tensorflow/serving/batching_session/"
        self.queuing_latency = Metric(
            f"{name}queuing_latency", "histogram", ["thread_pool_name"], exponential(100, 1.2, 52)
        )
        self.input_batch_size = Metric(f"{name}input_batch_size", "histogram", [], sizes)
        self.processed_batch_size = Metric(f"{name}processed_batch_size", "histogram", [], sizes)
        self.padding_size = Metric(f"{name}padding_size", "histogram", ["execution_batch_size"], sizes)


def page(*groups):
    """All metrics of `ServingMetrics`, `BatchingMetrics`, ... in Prometheus's text format."""
    metrics = [metric for group in groups for metric in vars(group).values()]
    return "\n".join(line for metric in sorted(metrics, key=lambda each: each.name) for line in metric.lines()) + "\n"
