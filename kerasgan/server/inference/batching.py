"""Putting requests together: many small ones become one run of the graph.

What joins, what is refused and with which texts follows `tensorflow_serving/batching/batching_session.cc` and
TensorFlow's `batching_util/shared_batch_scheduler.h`, with three differences: requests whose dtypes or inner
shapes differ never meet in a batch; a batch that fails is halved until the bad request stands alone, so that no
other fails with it; and a full queue is RESOURCE_EXHAUSTED, not UNAVAILABLE, which clients take as a reason to ask
again at once.
"""

import collections
import logging
import threading
import time

import grpc
import numpy as np

from kerasgan.server import turns
from kerasgan.server.config.options import ModelOptions
from kerasgan.server.errors import (
    ServingError,
    cancelled,
    deadline_exceeded,
    exhausted,
    failed_precondition,
    invalid_argument,
)
from kerasgan.server.inference.engine import Engine, encoded

log = logging.getLogger("kerasgan.server")

_NO_ONE_SHAPE = "An output has rows of another shape in each batch of a request; it cannot be split"
_BATCHES_AT_ONCE = 4  # of one request in the queue, so that others get their turn


class _Task:
    """A request, or a part of a large one, that waits for its batch."""

    def __init__(self, arrays, rows, deadline, encode):
        self.arrays = arrays
        self.rows = rows
        self.deadline = deadline
        self.encode = encode
        self.is_gone = turns.caller.is_gone
        self.arrived = time.monotonic()
        self.outputs = None
        self.error = None
        self._done = threading.Lock()
        self._done.acquire()

    def finish(self, outputs=None, error=None):
        """Say what came out of it; what is said later is not heard."""
        if self._done.locked():
            self.outputs, self.error = outputs, error
            self._done.release()

    def wait(self):
        """Wait until it is finished."""
        self._done.acquire()


class _Batch:
    """Tasks that are computed together."""

    def __init__(self):
        self.tasks = []
        self.rows = 0
        self.opened = time.monotonic()

    def add(self, task):
        self.tasks.append(task)
        self.rows += task.rows


class _Queue:
    """Batches of one kind that wait for a thread; the last one is open, the others are full."""

    def __init__(self, parameters, process):
        self.parameters = parameters
        self.process = process
        self.batches: collections.deque[_Batch] = collections.deque()

    def add(self, arrays, rows, deadline, encode):
        """Put a request into batches.

        Returns:
            Its tasks, in order: one, or with splitting perhaps several.

        Raises:
            ServingError: RESOURCE_EXHAUSTED, if there is no room. Nothing is added then.
        """
        most, limit = self.parameters.batch_rows, max(1, self.parameters.max_enqueued_batches)
        room = most - self.batches[-1].rows if self.batches else 0
        if self.parameters.enable_large_batch_splitting:
            fits = rows <= room + most * (limit - len(self.batches))
        else:
            fits = (self.batches and rows <= room) or len(self.batches) < limit
        if not fits:
            raise exhausted(
                "The batch scheduling queue to which this task was submitted is full; "
                f"task size is {rows}, max_enqueued_batches {limit}"
            )
        parts = list(self._parts(arrays, rows, room))
        tasks = [_Task(part, size, deadline, encode if len(parts) == 1 else None) for part, size in parts]
        for task in tasks:
            if not self.batches or self.batches[-1].rows + task.rows > most:
                self.batches.append(_Batch())
            self.batches[-1].add(task)
        return tasks

    def _parts(self, arrays, rows, room):
        """Cut the rows of a request where batches end: `(arrays, rows)` of each part."""
        most, start = self.parameters.batch_rows, 0
        if rows <= (room or most) or not self.parameters.enable_large_batch_splitting:
            yield arrays, rows
            return
        while start < rows:
            stop = min(rows, start + (room or most))
            yield [array[start:stop] for array in arrays], stop - start
            start, room = stop, most

    def seconds_to_wait(self, now):
        """Time until the first batch may run; 0 or less if it may."""
        first = self.batches[0]
        if len(self.batches) > 1 or first.rows >= self.parameters.batch_rows:
            return 0.0
        return first.opened + 1e-6 * self.parameters.batch_timeout_micros - now


class BatchScheduler:
    """Threads that compute the batches of all models in turn.

    A queue for each kind of request; the threads take one batch of each in turn. A batch may run when it is full,
    when another has been begun behind it, or when it has waited for its time.
    """

    def __init__(self, parameters, metrics=None):
        """Start the threads.

        Args:
            parameters: `BatchingParameters`, of which those about threads count.
            metrics: `BatchingMetrics`, or None.
        """
        self.name = parameters.thread_pool_name
        self.metrics = metrics
        self._queues = {}
        self._changed = threading.Condition()
        self._closed = self._hurried = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{self.name}_{number}", daemon=True)
            for number in range(parameters.threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, key, parameters, process, arrays, rows, deadline, encode):
        """Let a request be computed in a batch, and wait for it.

        Args:
            key: requests of equal keys may share a batch.
            parameters: `BatchingParameters` of these requests.
            process: function of the list of tasks of a batch, which finishes each or raises.
            arrays: inputs of the request, each with `rows` rows.
            rows: their number.
            deadline: when the caller's time is up, or None.
            encode: as in `Engine.run`.

        Returns:
            Its outputs, a list of arrays or of what `encode` made of them.

        Raises:
            ServingError: RESOURCE_EXHAUSTED if the queue is full, DEADLINE_EXCEEDED if the deadline passed in the
                queue, or what the computation raised.
        """
        with self._changed:
            if self._closed:
                raise failed_precondition("the server is stopping")
            queue = self._queues.get(key) or _Queue(parameters, process)
            tasks = queue.add(arrays, rows, deadline, encode)
            self._queues[key] = queue
            self._changed.notify(len(queue.batches))
        for task in tasks:  # all of them, even if one fails: the engine stays loaded while it is in use
            task.wait()
        for task in tasks:
            if task.error is not None:
                raise task.error
        if len(tasks) == 1:
            return tasks[0].outputs
        whole = [_joined(parts) for parts in zip(*(task.outputs for task in tasks), strict=True)]
        return encoded(whole, encode)

    def hurry(self):
        """From now on no batch waits for more requests."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

    def close(self):
        """Compute what waits, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self):
        while True:
            with self._changed:
                queue, batch = self._next()
            if batch is None:
                return
            self._run(queue, batch)

    def _next(self):
        """Wait for a batch that may run: `(queue, batch)`; `(None, None)` once there is no more to come."""
        while True:
            now, soonest = time.monotonic(), None
            for key, queue in self._queues.items():
                wait = 0.0 if self._closed or self._hurried else queue.seconds_to_wait(now)
                if wait <= 0:
                    del self._queues[key]
                    batch = queue.batches.popleft()
                    if queue.batches:
                        self._queues[key] = queue  # now the last: the others come first
                    return queue, batch
                soonest = wait if soonest is None else min(soonest, wait)
            if self._closed:
                return None, None
            self._changed.wait(None if soonest is None else min(soonest, threading.TIMEOUT_MAX))

    def _run(self, queue, batch):
        now = time.monotonic()
        tasks = []
        for task in batch.tasks:
            if self.metrics is not None:
                self.metrics.queuing_latency.add(self.name, value=1e6 * (now - task.arrived))
            if task.deadline is not None and now >= task.deadline:
                task.finish(error=deadline_exceeded("Run() timeout exceeded while waiting in batching queue"))
            elif task.is_gone():
                task.finish(error=cancelled("The caller is gone."))
            else:
                tasks.append(task)
        try:
            if tasks:
                queue.process(tasks)
        except Exception as error:  # the thread must live on, and no caller wait forever
            log.exception("a batch failed")
            for task in tasks:
                task.finish(error=error)


class BatchedEngine(Engine):
    """An `Engine` that computes requests of its signatures in batches.

    Runs of other tensors (with an output filter, or MultiInference) are computed at once and alone, as TensorFlow
    Serving does.
    """

    def __init__(self, folder, scheduler, parameters, options=ModelOptions()):
        """Load the SavedModel in `folder`.

        Args:
            folder: where it lies.
            scheduler: `BatchScheduler`, shared by all models.
            parameters: `BatchingParameters`.
            options: `ModelOptions`.

        Raises:
            ServingError: if it cannot be loaded.
        """
        super().__init__(folder, options)
        self._scheduler = scheduler
        self._parameters = parameters
        self._large = max(self._large, parameters.batch_rows)

    def _execute(self, names, arrays, fetches, deadline, encode):
        if not self.is_signature(names, fetches):
            return super()._execute(names, arrays, fetches, deadline, encode)
        rows = _common_rows(arrays)
        if rows > self._parameters.max_batch_size:
            raise invalid_argument(
                f"Task size {rows} is larger than maximum input batch size {self._parameters.max_batch_size}"
            )
        if self._scheduler.metrics is not None:
            self._scheduler.metrics.input_batch_size.add(value=rows)

        def process(tasks):
            self._process(names, fetches, tasks)

        def submit(parts, encode=None):
            shapes = tuple(_shape_key(array, self._parameters.pad_variable_length_inputs) for array in parts)
            key = (id(self), names, fetches, shapes)
            return self._scheduler.submit(key, self._parameters, process, parts, len(parts[0]), deadline, encode)

        some = _BATCHES_AT_ONCE * self._parameters.batch_rows
        if rows <= some:
            return submit(arrays, encode)
        whole = turns.in_slices(submit, arrays, rows, some, deadline)
        if whole is None:
            raise failed_precondition(_NO_ONE_SHAPE)
        return encoded(whole, encode)

    def _process(self, names, fetches, tasks):
        """Compute tasks together and finish each; if that fails, each half of them, so that one alone fails."""
        try:
            outputs = self._compute(names, self._merged(tasks), fetches, _last_deadline(tasks))
        except ServingError as error:
            if len(tasks) == 1 or error.code is grpc.StatusCode.DEADLINE_EXCEEDED:
                for task in tasks:
                    task.finish(error=error)
                return
            for half in (tasks[: len(tasks) // 2], tasks[len(tasks) // 2 :]):
                self._process(names, fetches, half)
            return
        _hand_out(outputs, tasks, self._parameters.padded(sum(task.rows for task in tasks)))

    def _merged(self, tasks):
        rows = sum(task.rows for task in tasks)
        padding = self._parameters.padded(rows) - rows
        metrics = self._scheduler.metrics
        if metrics is not None:
            metrics.processed_batch_size.add(value=rows + padding)
            metrics.padding_size.add(str(rows + padding), value=padding)
        columns = [list(column) for column in zip(*(task.arrays for task in tasks), strict=True)]
        if self._parameters.pad_variable_length_inputs:
            columns = [_of_one_shape(column) for column in columns]
        if padding:
            row = max(range(len(tasks)), key=lambda index: tasks[index].rows > 0)
            columns = [[*column, np.repeat(column[row][:1], padding, axis=0)] for column in columns]
        return [column[0] if len(column) == 1 else np.concatenate(column) for column in columns]


def _joined(parts):
    """The rows of all parts of a request."""
    if len({part.shape[1:] for part in parts}) > 1:
        raise failed_precondition(_NO_ONE_SHAPE)
    return np.concatenate(parts)


def _last_deadline(tasks):
    """When nobody waits for a batch any more; None for never."""
    deadlines = [task.deadline for task in tasks]
    return None if None in deadlines else max(deadlines)


def _common_rows(arrays):
    if not arrays:
        raise invalid_argument("Batching Run() must have at least one input tensor")
    for array in arrays:
        if array.ndim == 0:
            raise invalid_argument("Batching Run() input tensors must have at least one dimension")
        if len(array) != len(arrays[0]):
            raise invalid_argument("Batching Run() input tensors must have equal 0th-dimension size")
    return len(arrays[0])


def _shape_key(array, padded):
    """What must be equal for two arrays to share a batch."""
    if padded and array.size and array.ndim <= 6:  # upstream pads up to six dimensions, and nothing empty
        return array.ndim
    return array.shape[1:]


def _of_one_shape(arrays):
    """Arrays of one rank, padded after each dimension but the first, each with its own first element."""
    inner = np.max([array.shape[1:] for array in arrays], axis=0).astype(int).tolist()
    padded = []
    for array in arrays:
        if list(array.shape[1:]) == inner:
            padded.append(array)
            continue
        wide = np.full([len(array), *inner], array.flat[0], array.dtype)
        wide[tuple(slice(size) for size in array.shape)] = array
        padded.append(wide)
    return padded


def _hand_out(outputs, tasks, rows):
    """Give each task its rows of the outputs, whose first `rows` rows must be all there are."""
    error = None
    for array in outputs:
        if array.ndim == 0:
            error = failed_precondition("Batched output tensor has 0 dimensions")
        elif len(array) != rows:
            error = failed_precondition(
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the "
                "input tensors"
            )
    if error is not None:
        for task in tasks:
            task.finish(error=error)
        return
    forms = {encode: encoded(outputs, encode) for encode in {task.encode for task in tasks}}
    start = 0
    for task in tasks:
        task.finish([array[start : start + task.rows] for array in forms[task.encode]])
        start += task.rows
