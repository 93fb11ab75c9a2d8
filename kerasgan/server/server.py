"""The server process: ports, threads, start and stop."""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Self

from kerasgan.server import turns
from kerasgan.server.addresses import bound_socket, host_and_port
from kerasgan.server.config import textproto, tls
from kerasgan.server.config.options import DefaultPort, ModelOptions, ServerOptions, WatchOptions
from kerasgan.server.grpc.transport import GrpcServer
from kerasgan.server.metrics import ServingMetrics, page
from kerasgan.server.models.discovery import find_models
from kerasgan.server.models.models import Models
from kerasgan.server.models.watcher import Watcher
from kerasgan.server.request_log import AccessLog, Recorder
from kerasgan.server.rest.app import RestApp
from kerasgan.server.rest.host_names import HostNames
from kerasgan.server.rest.uvicorn_server import RestServer
from kerasgan.utils.annotations import Path

log = logging.getLogger("kerasgan.server")

_THREADS_TO_FILL_BATCHES = 256
_UNTIL_CUT = 1.0  # transports that have cut off what is under way need a moment to end
_AFTER_CUT = 5.0


class ModelServer:
    """Serves models over gRPC and REST until it is stopped; `with ModelServer(models) as server` does both.

    Attributes:
        options: `ServerOptions`.
        host: the address it listens on.
        port: the gRPC port; the one chosen, once started, where 0 was asked for; None for a UNIX socket alone.
        rest_port: the REST port, likewise; None if there is no REST.
        models: the `Models` served.
        metrics: the `ServingMetrics` of its requests.
    """

    def __init__(self, models: Models, options: ServerOptions = ServerOptions(), watcher: Watcher | None = None):
        """Make a server; nothing is loaded or opened before `start`.

        Args:
            models: `Models`.
            options: `ServerOptions`.
            watcher: the `Watcher` of `models`; by default they stay as they are until a reload request.

        Raises:
            ValueError: if options do not go together.
        """
        self.models = models
        self.options = options
        if options.request_core is not None and models.engines.options.batching is None:
            raise ValueError(
                "request_core: expected batching with it; without it models run in the threads of requests"
            )
        self.watcher = watcher or Watcher(models)
        self.metrics = ServingMetrics()
        self.host = options.bare_host
        self.port = options.port
        self.rest_port = options.rest_port
        self._stack = contextlib.ExitStack()
        self._transports: list[GrpcServer | RestServer] = []
        self._starting = threading.Lock()
        self._stopping = threading.Lock()
        self._asked_to_stop = threading.Event()
        self._stopped = threading.Event()
        self._hurry = threading.Event()
        self._all_ended = True
        self._started = False

    def start(self) -> Self:
        """Open the ports, load the models, and answer requests in background threads.

        Returns:
            The server itself.

        Raises:
            OSError: if a port is in use or cannot be opened, or a file cannot be read; it names it. Nothing is
                left running.
            ValueError: if no model can be served, or a file is wrong. Nothing is left running.
            RuntimeError: if it was started already, or `stop` was called, perhaps meanwhile. A server that was
                stopped does not start again; make another.
        """
        with self._starting, contextlib.ExitStack() as stack:
            self._check_not_stopped()
            if self._started:
                raise RuntimeError("the server was started already")
            stack.callback(self.models.close)
            access_log = None
            if self.options.access_log is not None:
                access_log = AccessLog(self.options.access_log)
                stack.callback(access_log.close)
            recorder = Recorder(self.models, self.metrics, access_log)
            self._settle_rest()
            rest_socket = None
            if self.rest_port is not None:
                rest_socket = stack.enter_context(bound_socket("REST", self.host, self.rest_port))
                self.rest_port = rest_socket.getsockname()[1]
            if self.port:
                bound_socket("gRPC", self.host, self.port).close()  # for a clear error, which gRPC does not give
            over_grpc = GrpcServer(self.options, self._threads(self.options.grpc_threads))
            stack.callback(over_grpc.close)
            self.port = over_grpc.port
            stack.callback(self.watcher.stop)
            self.watcher.start()
            with _on_core(self.options.request_core):
                if rest_socket is not None:
                    self._transports.append(self._started_rest(rest_socket, recorder, stack))
                over_grpc.start(self.models, self.watcher, recorder)
                self._transports.append(over_grpc)
            self._check_not_stopped()
            self._stack = stack.pop_all()
            self._started = True
        log.info("serving on %s", self.addresses)
        return self

    def _check_not_stopped(self):
        if self._asked_to_stop.is_set():
            raise RuntimeError("the server was stopped: make another to start one")

    @property
    def addresses(self) -> str:
        """Where it listens, for people to read: `gRPC 127.0.0.1:8500  REST http://127.0.0.1:8501`."""
        path = self.options.grpc_socket_path
        parts = []
        if self.port is not None:
            parts.append(f"gRPC {host_and_port(self.host, self.port)}")
        if path is not None:
            parts.append(f"gRPC unix:{path}")
        if self.rest_port is not None:
            parts.append(f"REST http://{host_and_port(self.host, self.rest_port)}")
        return "  ".join(parts)

    def _settle_rest(self):
        """Leave REST out, unless it was asked for, where it would answer everyone although gRPC does not."""
        if self.options.ssl_config_file is None or self.rest_port is None:
            return
        if isinstance(self.rest_port, DefaultPort) and tls.asks_for_certificates(self.options.ssl_config_file):
            self.rest_port = None
            log.warning(
                "no REST: gRPC asks clients for certificates (client_verify) and REST, which has no TLS, would answer "
                "everyone; give --rest-port (rest_port) to have it all the same"
            )
        else:
            log.warning("TLS is on gRPC alone: REST answers everyone in the clear; --rest_api_port=0 turns it off")

    def _threads(self, chosen):
        """Threads of a transport. They are begun when they are needed, and one that waits for a batch is busy."""
        least = _THREADS_TO_FILL_BATCHES if self.models.engines.options.batching is not None else 1
        return chosen or max(least, 4 * (os.cpu_count() or 1))

    def _started_rest(self, rest_socket, recorder, stack):
        pools = turns.pools("rest", self._threads(self.options.rest_threads))
        for pool in pools:
            stack.callback(pool.shutdown, cancel_futures=True)
        host_names = HostNames(self.host, rest_socket.getsockname()[0], self.options.allowed_hosts)
        app = RestApp(self.models, pools, recorder, self.options, host_names, self._metrics_page)
        server = RestServer(app, rest_socket)
        server.start()
        stack.callback(server.close)
        return server

    def _metrics_page(self):
        return page(self.metrics, self.models.engines.metrics)

    def stop(self, grace: float = 10.0) -> bool:
        """Close the ports, finish the requests under way, and unload the models.

        Both ports close at once. What a request computes can be stopped where the graph has loops, and between the
        slices of a large request; else it goes on in its thread after its caller was answered.

        Args:
            grace: seconds that requests under way have; those that take longer are cut off. This method returns at
                most 6 seconds after that, whatever happens. A `start` under way elsewhere gives up when its models are
                loaded.

        Returns:
            Whether all has ended. If not, threads still compute, or load a model, and the process does not end by
            itself: `os._exit` ends it.
        """
        self._asked_to_stop.set()
        with self._stopping:
            if self._stopped.is_set():
                return self._all_ended
            if not self._starting.acquire(timeout=grace):
                return False
            self._starting.release()
            self._all_ended = not self._started or self._stop(grace)
            self._stopped.set()
        return self._all_ended

    def _stop(self, grace):
        for transport in self._transports:
            transport.begin_stop(grace)
        self.models.hurry()
        closing = threading.Thread(target=self._stack.close, name="closing", daemon=True)
        closing.start()
        self._wait_for(closing, grace + _UNTIL_CUT)
        if closing.is_alive():
            for transport in self._transports:
                transport.cut()
            # waits itself for a computation that cannot be stopped
            threading.Thread(target=self.models.cancel, name="cancelling", daemon=True).start()
            closing.join(_AFTER_CUT)
        if closing.is_alive():
            log.warning("stopped, but a request is still computed or a model loaded")
        return not closing.is_alive()

    def _wait_for(self, closing, seconds):
        end = time.monotonic() + seconds
        while closing.is_alive() and time.monotonic() < end and not self._hurry.is_set():
            closing.join(0.05)

    def wait(self, on_ready: Callable[[], object] | None = None) -> bool:
        """Wait until the server is stopped, by `stop()` or by SIGTERM or SIGINT; then drain and return.

        After a signal it answers on for `ServerOptions.drain_seconds`, while health checks say that it stops. A second
        signal ends that, and cuts off the requests under way. Signals are handled only in the main thread; one that a
        program in C handles, around Python, is left to it.

        Args:
            on_ready: function without arguments, called once signals are handled: the moment to say that the
                server is up.

        Returns:
            What `stop` returns.
        """
        received = []
        handled = {}
        if threading.current_thread() is threading.main_thread():
            numbers = [number for number in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(number) is not None]
            for number in numbers:  # Python could not give a handler in C back
                handled[number] = signal.signal(number, lambda number, frame: received.append(number))
        try:
            if on_ready is not None:
                on_ready()
            while not received and not self._stopped.wait(0.2):
                pass
            if received:
                log.info("stopping on %s", signal.Signals(received[0]).name)
                stopping = threading.Thread(target=self._drain_and_stop, name="stopping", daemon=True)
                stopping.start()
                while stopping.is_alive():
                    stopping.join(0.1)
                    if len(received) > 1:
                        self._hurry.set()
        finally:
            for number, handler in handled.items():
                signal.signal(number, handler)
        return self.stop()

    def _drain_and_stop(self):
        if self.options.drain_seconds:
            for transport in self._transports:
                transport.drain()
            self._hurry.wait(self.options.drain_seconds)
        self.stop()

    def __enter__(self):
        return self if self._started else self.start()

    def __exit__(self, *exception):
        self.stop()


@contextlib.contextmanager
def _on_core(core):
    """Threads that are started meanwhile, and those that they start, keep to a core; None for any."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def serve(
    folder: Path,
    server: ServerOptions = ServerOptions(),
    models: ModelOptions = ModelOptions(),
    watch: WatchOptions = WatchOptions(),
    model_name: str | None = None,
) -> ModelServer:
    """Serve the latest version of each model in a folder, over TensorFlow Serving's gRPC and REST API.

    Versions and models that appear later are served too: a new version is loaded before the old one is let
    go. While nothing is found in `folder` the models stay as they are.

    Args:
        folder: one model's folder (`folder/VERSION/saved_model.pb`) or a folder of models
            (`folder/NAME/VERSION/saved_model.pb`).
        server: `ServerOptions`.
        models: `ModelOptions`.
        watch: `WatchOptions`.
        model_name: name to serve one model's folder under, instead of the folder's own name.

    Returns:
        A started `ModelServer`. `wait()` for a signal, or `stop()` it.

    Raises:
        ValueError: if there is no model in `folder`, or none that can be loaded.
        OSError: if a port is in use.
    """
    served = Models(find_models(folder, model_name), options=models)
    return ModelServer(served, server, Watcher(served, folder, model_name, options=watch)).start()


def serve_config(
    config: textproto.ModelServerConfig | Path,
    server: ServerOptions = ServerOptions(),
    models: ModelOptions = ModelOptions(),
    watch: WatchOptions = WatchOptions(),
) -> ModelServer:
    """Serve the models that a `models.config` lists; as `tensorflow_model_server --model_config_file`.

    A model that has no versions yet is waited for. A reload request replaces the whole set.

    Args:
        config: a `ModelServerConfig`, or the path of one in text form.
        server: `ServerOptions`.
        models: `ModelOptions`.
        watch: `WatchOptions`.

    Returns:
        A started `ModelServer`.

    Raises:
        ValueError: if the file is wrong, or has models with versions of which none can be loaded.
        OSError: if the file cannot be read or a port is in use.
    """
    served = Models(options=models)
    return ModelServer(served, server, Watcher(served, config=config, options=watch)).start()
