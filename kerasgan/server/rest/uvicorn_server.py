"""Serving an ASGI application over HTTP/1.1 in a thread."""

import threading
import time

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 20.0
UNREAD_SECONDS = 60.0


class _Protocol(H11Protocol):
    """Hangs up on a client that for some time does not send the head of a request, or read a piece of an answer.

    uvicorn waits for ever.
    """

    def connection_made(self, transport):
        super().connection_made(transport)
        self._stalled = self._unread = None
        self._watch()

    def data_received(self, data):
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc):
        super().connection_lost(exc)
        if self._stalled is not None:
            self._stalled.cancel()
        if self._unread is not None:
            self._unread.cancel()

    def pause_writing(self):
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self):
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _watch(self):
        waiting = self.conn.their_state is h11.IDLE
        if waiting and self._stalled is None:
            self._stalled = self.loop.call_later(HEADER_SECONDS, self._hang_up)
        elif not waiting and self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _hang_up(self):
        if self.conn.their_state is h11.IDLE:
            self.transport.close()


class RestServer:
    """An HTTP server in a thread of its own."""

    def __init__(self, app, listening_socket):
        """Make a server; `start` starts it.

        Args:
            app: the ASGI application, a `RestApp`.
            listening_socket: a bound socket.
        """
        self._app = app
        self._config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=60,
        )
        self._server = uvicorn.Server(self._config)
        self._thread = threading.Thread(target=self._server.run, args=([listening_socket],), name="rest", daemon=True)

    def start(self):
        """Start, and wait until it answers.

        Raises:
            OSError: if it does not.
        """
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise OSError("the REST server did not start")
            time.sleep(0.005)

    def drain(self):
        """Tell load balancers to stay away, end each connection with its next answer, and answer on."""
        self._app.stops = True

    def begin_stop(self, grace):
        """Close the port, take no more requests, and cut those that are under way after `grace` s."""
        self._config.timeout_graceful_shutdown = grace
        self._server.should_exit = True

    def cut(self):
        """Cut the requests that are under way now."""
        self._server.force_exit = True

    def close(self):
        """Wait until the requests have ended, as `begin_stop` sees to."""
        self._server.should_exit = True
        self._thread.join()
