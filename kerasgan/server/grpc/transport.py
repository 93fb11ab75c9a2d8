"""The gRPC server: its ports, options, start and stop."""

import grpc

from kerasgan.server.grpc.ports import open_ports
from kerasgan.server.grpc.service import add_services
from kerasgan.server.grpc.streams import Health, Reflection
from kerasgan.server.grpc.threads import Lanes, MessageFirst, check_grpcio

_PINGS = (
    # clients may ping each half second, with calls or without; by default each five minutes, then they are dropped
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.keepalive_permit_without_calls", 1),
    # a connection whose client is gone without a word is given up after a minute and 20 s, not after two hours
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class GrpcServer:
    """TensorFlow Serving's gRPC API on a port, and on a UNIX socket if the options say so.

    Attributes:
        port: the port, the one chosen where 0 was asked for; None where there is a UNIX socket instead.
    """

    def __init__(self, options, threads):
        """Open the port; nothing is answered before `start`.

        Args:
            options: `ServerOptions`.
            threads: calls that compute at once.

        Raises:
            OSError: if it cannot be opened.
            ImportError: if grpcio is one that is not known.
        """
        check_grpcio()
        self._options = options
        self._stopped = None
        self._lanes = Lanes(threads, options)
        self._arriving = MessageFirst(options.max_requests)
        self._server = grpc.server(
            self._arriving,
            options=[
                ("grpc.so_reuseport", 0),  # by default two servers may share a port
                ("grpc.max_receive_message_length", options.max_request_bytes),
                ("grpc.max_send_message_length", -1),
                *_PINGS,
                *options.grpc_arguments,
            ],
        )
        self._services: list[Reflection | Health] = [Reflection(self._server, self._lanes)]
        if options.health_checks:
            self._services.append(Health(self._server, self._lanes))
        self.port = open_ports(self._server, options)

    def start(self, models, watcher, recorder):
        """Answer calls.

        Args:
            models: `Models`.
            watcher: the `Watcher` that takes another set of them.
            recorder: the `Recorder` of requests.
        """
        add_services(self._server, models, watcher, recorder, self._options, self._lanes)
        self._server.start()

    def drain(self):
        """Tell load balancers to stay away, and answer on."""
        for service in self._services:
            if isinstance(service, Health):
                service.stop()

    def begin_stop(self, grace):
        """Close the ports, end the streams, take no more calls, and cut those that are under way after `grace` s."""
        for service in self._services:
            service.stop()
        self._stopped = self._server.stop(grace)
        self._arriving.stop()

    def cut(self):
        """Cut the calls that are under way now."""
        self._server.stop(0)

    def close(self):
        """Wait until the calls have ended, as `begin_stop` sees to, and then for their threads."""
        (self._stopped or self._server.stop(0)).wait()
        self._lanes.close()
