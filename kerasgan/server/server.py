"""The server process: ports, threads, start and stop."""

import concurrent.futures
import contextlib
import errno
import logging
import os
import signal
import socket
import threading
import time

import grpc
import uvicorn

from kerasgan.server.folders import find_models
from kerasgan.server.grpc_service import add_services
from kerasgan.server.metrics import ServingMetrics
from kerasgan.server.models import Models
from kerasgan.server.monitoring import DEFAULT_METRICS_PATH
from kerasgan.server.rest import RestApp
from kerasgan.server.watcher import Watcher

log = logging.getLogger("kerasgan.server")

DEFAULT_MAX_REQUEST_BYTES = 64 * 2**20


class ModelServer:
    """Serves models over gRPC and REST until it is stopped; `with ModelServer(models) as server` does both.

    Attributes:
        host: the address it listens on.
        port: the gRPC port; the one chosen, once started, where 0 was asked for.
        rest_port: the REST port, likewise; None if there is no REST.
        models: the `Models` served.
        metrics: the `ServingMetrics` of its requests.
    """

    def __init__(
        self,
        models,
        host="127.0.0.1",
        port=8500,
        rest_port=8501,
        max_request_bytes=DEFAULT_MAX_REQUEST_BYTES,
        threads=None,
        watcher=None,
        metrics_path=DEFAULT_METRICS_PATH,
        cors=False,
    ):
        """Make a server; nothing is loaded or opened before `start`.

        Args:
            models: `Models`.
            host: address to listen on. The default is reachable from this machine only; "0.0.0.0" from
                everywhere.
            port: gRPC port, 0 for any free one.
            rest_port: REST port, 0 for any free one, None for no REST.
            max_request_bytes: largest request accepted: a REST body (413), a gRPC message
                (RESOURCE_EXHAUSTED).
            threads: requests worked on at once by each transport; four for each CPU by default.
            watcher: the `Watcher` of `models`; by default they stay as they are until a reload request.
            metrics_path: path on the REST port of the page for Prometheus; None for no such page.
            cors: whether web pages from other addresses may use the REST API.

        Raises:
            ValueError: if a port is not a port number.
        """
        for number in (port, rest_port):
            if number is not None and not 0 <= number < 2**16:
                raise ValueError(f"port {number} must be between 0 and 65535")
        self.models = models
        self.watcher = watcher or Watcher(models)
        self.metrics = ServingMetrics()
        self.metrics_path = metrics_path
        self.cors = cors
        self.host = host
        self.port = port
        self.rest_port = rest_port
        self.max_request_bytes = max_request_bytes
        self.threads = threads or 4 * (os.cpu_count() or 1)
        self._stack = contextlib.ExitStack()
        self._stopped = threading.Event()
        self._grace = 10.0
        self._started = False

    def start(self):
        """Open the ports, load the models, and answer requests in background threads.

        Returns:
            The server itself.

        Raises:
            OSError: if a port is in use or cannot be opened; it names the port. Nothing is left running.
            ValueError: if no model can be served. Nothing is left running.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self.models.close)
            rest_socket = None
            if self.rest_port is not None:
                rest_socket = stack.enter_context(_bound_socket("REST", self.host, self.rest_port))
                self.rest_port = rest_socket.getsockname()[1]
            grpc_server = self._bind_grpc(stack)
            stack.callback(self.watcher.stop)
            self.watcher.start()
            health = add_services(grpc_server, self.models, self.watcher, self.metrics, self.max_request_bytes)
            if rest_socket is not None:
                self._start_rest(rest_socket, stack)
            grpc_server.start()
            stack.callback(lambda: grpc_server.stop(self._grace).wait())
            stack.callback(health.enter_graceful_shutdown)
            self._stack = stack.pop_all()
        self._started = True
        log.info("gRPC on %s:%d, REST on %s:%s", self.host, self.port, self.host, self.rest_port)
        return self

    def _bind_grpc(self, stack):
        if self.port:
            _bound_socket("gRPC", self.host, self.port).close()  # for a clear error, which gRPC does not give
        pool = concurrent.futures.ThreadPoolExecutor(self.threads, thread_name_prefix="grpc")
        server = grpc.server(
            pool,
            options=[
                ("grpc.so_reuseport", 0),  # by default two servers may share a port
                ("grpc.max_receive_message_length", self.max_request_bytes),
                ("grpc.max_send_message_length", -1),
            ],
        )
        stack.callback(pool.shutdown)
        stack.callback(lambda: server.stop(0).wait())
        address = f"[{self.host}]" if ":" in self.host else self.host
        try:
            self.port = server.add_insecure_port(f"{address}:{self.port}")
        except RuntimeError as error:
            raise OSError(f"cannot open port {self.port} on {self.host} for gRPC: {error}") from error
        return server

    def _start_rest(self, rest_socket, stack):
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(self.threads, thread_name_prefix="rest"))
        config = uvicorn.Config(
            RestApp(self.models, pool, self.max_request_bytes, self.metrics, self.metrics_path, self.cors),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=int(self._grace),
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([rest_socket],), name="rest", daemon=True)

        def stop():
            server.should_exit = True
            thread.join()

        thread.start()
        stack.callback(stop)
        while not server.started:
            if not thread.is_alive():
                raise OSError(f"the REST server on port {self.rest_port} did not start")
            time.sleep(0.005)

    def stop(self, grace=10.0):
        """Take no more requests, finish those under way, close the ports and unload the models.

        Args:
            grace: seconds after which gRPC requests still under way are cut off (REST ones after 10).
        """
        self._grace = grace
        self._stack.close()
        self._stopped.set()

    def wait(self, on_ready=None):
        """Wait until the server is stopped, by `stop()` or by SIGTERM or SIGINT; then drain and return.

        A second signal while it drains has its usual effect. Signals are handled only in the main thread.

        Args:
            on_ready: function without arguments, called once signals are handled: the moment to say that the
                server is up.
        """
        received = []
        handled = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                handled[number] = signal.signal(number, lambda number, frame: received.append(number))
        try:
            if on_ready is not None:
                on_ready()
            while not received and not self._stopped.wait(0.2):
                pass
        finally:
            for number, handler in handled.items():
                signal.signal(number, handler)
        if received:
            log.info("stopping on %s", signal.Signals(received[0]).name)
        self.stop()

    def __enter__(self):
        return self if self._started else self.start()

    def __exit__(self, *exception):
        self.stop()


def _bound_socket(what, host, port):
    """A listening socket; the caller closes it.

    Raises:
        OSError: naming the port.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host} for {what}: {error.strerror}") from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(1024)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} is in use: {what} on {host} needs it; stop what uses it or give another"
        else:
            message = f"cannot open port {port} on {host} for {what}: {error.strerror}"
        raise OSError(error.errno, message) from error
    return opened


def serve(folder, host="127.0.0.1", port=8500, rest_port=8501, model_name=None, poll_seconds=1.0, **options):
    """Serve the latest version of each model in a folder, over TensorFlow Serving's gRPC and REST API.

    Versions and models that appear later are served too: a new version is loaded before the old one is let
    go. While nothing is found in `folder` the models stay as they are.

    Args:
        folder: one model's folder (`folder/VERSION/saved_model.pb`) or a folder of models
            (`folder/NAME/VERSION/saved_model.pb`).
        host: address to listen on; the default is reachable from this machine only.
        port: gRPC port, 0 for any free one.
        rest_port: REST port, 0 for any free one, None for no REST.
        model_name: name to serve one model's folder under, instead of the folder's own name.
        poll_seconds: time between two looks at `folder`; 0 for none after the first.
        **options: further arguments of `ModelServer`.

    Returns:
        A started `ModelServer`. `wait()` for a signal, or `stop()` it.

    Raises:
        ValueError: if there is no model in `folder`, or none that can be loaded.
        OSError: if a port is in use.
    """
    models = Models(find_models(folder, model_name))
    watcher = Watcher(models, folder, model_name, poll_seconds=poll_seconds)
    return ModelServer(models, host, port, rest_port, watcher=watcher, **options).start()


def serve_config(
    config_file,
    host="127.0.0.1",
    port=8500,
    rest_port=8501,
    poll_seconds=1.0,
    config_poll_seconds=0.0,
    allow_labels_for_unavailable=False,
    **options,
):
    """Serve the models that a `models.config` lists; as `tensorflow_model_server --model_config_file`.

    A model that has no versions yet is waited for. A reload request replaces the whole set.

    Args:
        config_file: `ModelServerConfig` in text form.
        host: address to listen on; the default is reachable from this machine only.
        port: gRPC port, 0 for any free one.
        rest_port: REST port, 0 for any free one, None for no REST.
        poll_seconds: time between two looks for versions; 0 for none after the first.
        config_poll_seconds: time between two looks at `config_file`; 0 for none after the first.
        allow_labels_for_unavailable: whether a new label may be given to a version that is not available yet;
            without it, a config with labels is refused at the start.
        **options: further arguments of `ModelServer`.

    Returns:
        A started `ModelServer`.

    Raises:
        ValueError: if the file is wrong, or has models with versions of which none can be loaded.
        OSError: if the file cannot be read or a port is in use.
    """
    models = Models()
    watcher = Watcher(
        models,
        config_file=config_file,
        poll_seconds=poll_seconds,
        config_poll_seconds=config_poll_seconds,
        allow_labels_for_unavailable=allow_labels_for_unavailable,
    )
    return ModelServer(models, host, port, rest_port, watcher=watcher, **options).start()
