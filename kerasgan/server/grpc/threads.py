"""Threads of gRPC calls: a call gets one once its message is there.

grpcio's own server (1.85) hands a call to a thread when its headers come, and the thread waits for the message: as many
clients as there are threads, whose messages do not come, stop all others. `grpc.aio` waits without a thread, but one
call whose path is not UTF-8 ends its server. So `MessageFirst` stands where `grpc.server` takes its pool of threads:
it asks for the message itself and passes the call on when grpcio's thread has received it. For this it uses private
parts of `grpc._server`, of which `check_grpcio` says whether they are those of 1.85.
"""

import concurrent.futures
import inspect
import threading

import grpc
from grpc import _server
from grpc._cython import cygrpc

from kerasgan.server import turns

_KNOWN = {
    "_unary_response_in_pool": "rpc_event state behavior argument_thunk request_deserializer response_serializer",
    "_stream_response_in_pool": "rpc_event state behavior argument_thunk request_deserializer response_serializer",
    "_receive_message": "state call request_deserializer",
    "_abort": "state call code details",
}
_DONE: concurrent.futures.Future[None] = concurrent.futures.Future()
_DONE.set_result(None)


def check_grpcio():
    """Raise `ImportError` if grpcio is one whose calls cannot be passed on."""
    for name, parameters in _KNOWN.items():
        function = getattr(_server, name, None)
        if function is None or list(inspect.signature(function).parameters) != parameters.split():
            raise ImportError(
                f"grpcio {grpc.__version__} gives calls to threads in another way than 1.85, which kerasgan serve "
                "knows; install grpcio==1.85.3"
            )


class Lane:
    """Threads for calls of one kind, and how many such calls there may be.

    Attributes:
        pool: the threads.
        large: threads for large requests whose turn it was not.
        room: a semaphore of how many more calls may be worked on or wait for a thread.
        refusal: what a call that is one too many is told.
    """

    def __init__(self, name, threads, most, refusal):
        self.pool, self.large = turns.pools(name, threads)
        self.room = threading.Semaphore(most)
        self.refusal = refusal


class Lanes:
    """The lanes of a server's calls, so that calls of one kind do not hold up those of another.

    Attributes:
        compute: of calls that run a model.
        status: of those that only look: health checks, status, metadata.
        reload: of those that replace the set of models, one after another.
        streams: of reflection and `Watch`, as many at once as threads.
    """

    def __init__(self, threads, options):
        """Make them; threads are begun when they are needed.

        Args:
            threads: of `compute`.
            options: `ServerOptions`.
        """
        most = options.max_requests
        refusal = f"The server has {most} requests under way already (--max-requests)."
        self.compute = Lane("grpc", threads, most, refusal)
        self.status = Lane("grpc-status", 2, most, refusal)
        self.reload = Lane("grpc-reload", 1, most, refusal)
        streams = options.max_streams
        refusal = f"The server has {streams} streams open already (--max-streams)."
        self.streams = Lane("grpc-stream", streams, streams, refusal)

    def close(self):
        """Begin no more calls, and wait for the threads."""
        pools = [pool for lane in vars(self).values() for pool in (lane.pool, lane.large)]
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for pool in pools:
            pool.shutdown()


def in_lane(lane, behavior, streams=False):
    """Say in which `Lane` a method (a function of a request and a context) is worked on; `streams`: of requests."""
    behavior.lane, behavior.streams = lane, streams
    return behavior


class MessageFirst:
    """Stands where `grpc.server` takes a pool of threads. Its methods are called by grpcio's one serving thread."""

    def __init__(self, most_waiting):
        """Make it.

        Args:
            most_waiting: calls whose message has not come yet. One more, and the one that waits longest is refused:
                an honest client's message follows its headers.
        """
        self._most_waiting = most_waiting
        self._waiting = {}

    def submit(self, run, work, event, state, behavior, argument, *serialization):
        """Take a call as grpcio 1.85 gives it: `run(work, event, state, behavior, argument, *serialization)`."""
        call = _Call(event.call, state, behavior.lane)

        def start(argument):
            call.start(run, work, event, state, behavior, argument, *serialization)

        if behavior.streams:
            start(argument)
            return _DONE
        if len(self._waiting) >= self._most_waiting:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.refuse("Other calls came whose messages follow; this one's has not arrived (--max-requests).")
        self._waiting[call] = None
        receive = _server._receive_message(state, event.call, serialization[0])

        def received(arrival):
            result = receive(arrival)
            if self._waiting.pop(call, call) is None and call.has_message():
                start(lambda: state.request)
            return result

        with state.condition:
            event.call.start_server_batch((cygrpc.ReceiveMessageOperation(_server._EMPTY_FLAGS),), received)
            state.due.add(_server._RECEIVE_MESSAGE_TOKEN)
        return _DONE

    def stop(self):
        """Refuse the calls whose message has not come."""
        for call in list(self._waiting):
            if self._waiting.pop(call, call) is None:
                call.refuse("the server is stopping", cygrpc.StatusCode.unavailable)


class _Call:
    def __init__(self, call, state, lane):
        self._call = call
        self._state = state
        self._lane = lane

    def refuse(self, why, code=cygrpc.StatusCode.resource_exhausted):
        with self._state.condition:
            if not self._state.statused:
                _server._abort(self._state, self._call, code, why.encode())

    def has_message(self):
        if self._state.request is not None:
            return True
        if self._state.client is _server._CLOSED:
            self.refuse("expected exactly one request message; got none", cygrpc.StatusCode.unimplemented)
        return False

    def start(self, run, *work):
        if not self._lane.room.acquire(blocking=False):
            self.refuse(self._lane.refusal)
            return
        self._submit(self._lane.pool, run, *work)

    def _submit(self, pool, run, *work):
        def done(future):
            if not future.cancelled() and isinstance(future.exception(), turns.NotYet):
                self._submit(self._lane.large, run, *work)
            else:
                self._lane.room.release()

        try:
            pool.submit(run, *work).add_done_callback(done)
        except RuntimeError:  # the pool is shut down
            self._lane.room.release()
            self.refuse("the server is stopping", cygrpc.StatusCode.unavailable)
