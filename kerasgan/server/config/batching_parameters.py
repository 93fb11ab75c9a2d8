"""`batching_parameters.txt`: how requests are put together, as TensorFlow Serving's `BatchingParameters`."""

import dataclasses
import os

from kerasgan.server.config import textproto


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """How requests are put together; the defaults are TensorFlow Serving's.

    Attributes:
        max_batch_size: most rows of a request, and of a batch unless `max_execution_batch_size` is less.
        batch_timeout_micros: how long a batch that is not full waits for more, in microseconds. With 0 an idle
            thread takes at once what there is; while all are busy, requests gather anyway.
        max_enqueued_batches: batches that may wait for each signature; what comes then is refused.
        num_batch_threads: batches computed at once; None for one a CPU.
        thread_pool_name: name of these threads in metrics.
        allowed_batch_sizes: rows that a batch may have, rising; a smaller one is filled up with copies of a row.
        pad_variable_length_inputs: whether requests of different inner shapes share a batch, padded with the
            first element.
        enable_large_batch_splitting: whether a request may be cut to fill batches, and be larger than one.
        max_execution_batch_size: most rows of a batch, with splitting; None for `max_batch_size`.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int | None = None
    thread_pool_name: str = "model_server_batch_threads"
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = False
    max_execution_batch_size: int | None = None

    def __post_init__(self):
        for name, least in (
            ("max_batch_size", 1),
            ("batch_timeout_micros", 0),
            ("max_enqueued_batches", 0),  # 0 is taken as 1, as upstream does
            ("num_batch_threads", 1),
            ("max_execution_batch_size", 1),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}; was {value}")
        if self.enable_large_batch_splitting and self.max_batch_size < self.batch_rows:
            raise ValueError(
                "When enable_large_batch_splitting is true, max_batch_size must be greater than or equal to "
                f"max_execution_batch_size; they were {self.max_batch_size} and {self.batch_rows}"
            )
        sizes = self.allowed_batch_sizes
        if any(size < 1 for size in sizes) or list(sizes) != sorted(set(sizes)):
            raise ValueError(f"allowed_batch_sizes entries must be positive and rising; were {list(sizes)}")
        if sizes and sizes[-1] != self.batch_rows:
            which = "max_execution_batch_size" if self.enable_large_batch_splitting else "max_batch_size"
            raise ValueError(
                f"Last entry in allowed_batch_sizes must match {which}; last entry was {sizes[-1]}; "
                f"expected {self.batch_rows}"
            )

    @property
    def batch_rows(self) -> int:
        """Most rows of a batch."""
        if self.enable_large_batch_splitting and self.max_execution_batch_size is not None:
            return self.max_execution_batch_size
        return self.max_batch_size

    @property
    def threads(self) -> int:
        """Number of batch threads."""
        return self.num_batch_threads or os.cpu_count() or 1

    def padded(self, rows: int) -> int:
        """How many rows a batch of `rows` is filled up to; one without rows has none to copy, and stays so."""
        return next((size for size in self.allowed_batch_sizes if size >= rows), rows) if rows else 0


def read_parameters(path):
    """Read a `BatchingParameters` in text form.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not such a text or asks for what cannot be; it names the file and the field.
    """
    message = textproto.read(path, textproto.BatchingParameters)
    given = {}
    for field, value in message.ListFields():
        if field.message_type is not None:
            given[field.name] = value.value
        else:
            given[field.name] = tuple(value) if field.name == "allowed_batch_sizes" else value
    try:
        return BatchingParameters(**given)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
