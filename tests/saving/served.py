"""A web server on loopback that gives a folder's files, with byte ranges, and misbehaves as it is told."""

import contextlib
import http.server
import pathlib
import re
import threading


class Served:
    """What the server gives and how; `asked` lists (path, first byte, status) of every request.

    Args:
        folder: of the files.
    """

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.asked = []
        self.cuts = {}  # file name: bytes after which the next answers break off, one each
        self.ranges = True
        self.status = {}  # file name: statuses of the next answers
        self.redirect = {}  # file name: URL
        self.slowly = 0.0  # seconds before each piece
        self.url = self.port = None

    def count(self, name):
        """Return how many requests for a file there were."""
        return sum(path.rpartition("/")[2] == name for path, _, _ in self.asked)


def _handler(served):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            path = self.path.partition("?")[0]
            name = path.rpartition("/")[2]
            file = served.folder / path.lstrip("/")
            first = 0
            status = 200
            found = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
            if found and served.ranges:
                first, status = int(found[1]), 206
            if served.status.get(name):
                status = served.status[name].pop(0)
            elif name in served.redirect:
                status = 302
            elif not file.is_file():
                status = 404
            elif first >= file.stat().st_size:
                status = 416
            served.asked.append((path, first, status))
            self.send_response(status)
            if status not in (200, 206):
                if status == 302:
                    self.send_header("Location", served.redirect[name])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = file.read_bytes()
            self.send_header("Content-Length", str(len(content) - first))
            if status == 206:
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            if self.command == "HEAD":
                return
            self._send(content[first:], served.cuts.get(name))

        def _send(self, content, cuts):
            if cuts:
                self.wfile.write(content[: cuts.pop(0)])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
                return
            for start in range(0, len(content), 2**16):
                if served.slowly:
                    threading.Event().wait(served.slowly)
                self.wfile.write(content[start : start + 2**16])

    return Handler


@contextlib.contextmanager
def serving(folder, tls=None):
    """Serve a folder while the block runs; yields `Served`.

    Args:
        folder: see `Served`.
        tls: `ssl.SSLContext` of the server, for https.
    """
    served = Served(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    served.port = server.server_port
    served.url = f"http{'' if tls is None else 's'}://127.0.0.1:{served.port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
