"""A bucket of Google Cloud Storage on loopback: the part of its JSON API that reading objects takes.

https://cloud.google.com/storage/docs/json_api: `objects.get` (of the metadata, and with alt=media of bytes) and
`objects.list`.
"""

import base64
import contextlib
import hashlib
import http.server
import json
import pathlib
import re
import threading
import urllib.parse


def _handler(bucket, folder, asked):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def do_GET(self):
            parts = urllib.parse.urlsplit(self.path)
            asked.append((parts.path, self.headers.get("Range")))
            found = re.fullmatch(rf"(/download)?/storage/v1/b/{bucket}/o(?:/(.+))?", parts.path)
            if not found:
                self._give(404, b"{}")
            elif found[2] is None:
                self._give(200, json.dumps({"kind": "storage#objects", "items": []}).encode())
            else:
                self._object(folder / urllib.parse.unquote(found[2]), found[1])

        def _object(self, file, media):
            if not file.is_file():
                self._give(
                    404, json.dumps({"error": {"code": 404, "message": f"No such object: {file.name}"}}).encode()
                )
                return
            content = file.read_bytes()
            if not media:
                about = {
                    "kind": "storage#object",
                    "name": str(file.relative_to(folder)),
                    "bucket": bucket,
                    "size": str(len(content)),
                    "md5Hash": base64.b64encode(hashlib.md5(content).digest()).decode(),
                    "generation": "1",
                }
                self._give(200, json.dumps(about).encode())
                return
            span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if span:
                self._give(206, content[int(span[1]) : int(span[2]) + 1 if span[2] else None])
            else:
                self._give(200, content)

        def _give(self, status, content):
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

    return Handler


@contextlib.contextmanager
def bucket(name, folder):
    """Serve a folder as a bucket while the block runs; yields (URL, list of the (path, range) that were asked for)."""
    asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(name, pathlib.Path(folder), asked))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
