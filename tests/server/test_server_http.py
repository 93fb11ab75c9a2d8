"""What HTTP allows beside TensorFlow Serving's own requests: hosts, compressed bodies, versions and methods."""

import gzip
import http.client
import json
import shutil
import socket
import subprocess
import zlib

import pytest
import requests

from kerasgan.server import Models, ModelServer, ServerOptions
from kerasgan.server.rest.host_names import HostNames
from tests.server.conftest import call

PREDICT = "/v1/models/default:predict"
BODY = b'{"instances": [1]}'


def zipped(content):
    """The same bytes at any time, as names of test cases have them."""
    return gzip.compress(content, mtime=0)


LIMIT = 2**20  # of the server of conftest.py


def raw(port, data):
    """`(status, headers, body)` of the answer to some bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(data)
        response = http.client.HTTPResponse(connection, method=data.split()[0].decode())
        response.begin()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def post(*lines, target=PREDICT, version="1.1", body=BODY):
    head = [f"POST {target} HTTP/{version}", *lines, f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


# ---------------------------------------------------------------- hosts


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8501",
        "localhost.",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.1.2.3",
        "[::1]:8501",
        "a.localhost",
    ],
)
def test_a_server_on_loopback_answers_to_the_names_of_loopback(server, host):
    url = f"http://127.0.0.1:{server.rest_port}{PREDICT}"
    answer = requests.post(url, BODY, headers={"Host": host}, timeout=20)
    assert answer.json() == {"predictions": [2.5]}


@pytest.mark.parametrize("path", [PREDICT, "/", "/models.json", "/v1/models/default", "/monitoring/prometheus/metrics"])
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8501", "127.0.0.1.nip.io", "192.0.2.1", ""])
def test_a_page_elsewhere_cannot_ask_a_server_on_loopback_by_its_own_name(server, host, path):
    answer = raw(server.rest_port, post(f"Host: {host}", target=path))
    assert answer[0] == 403
    assert json.loads(answer[2])["error"] == f"Host {host!r} is none of this server's names (--allowed-hosts adds some)"


def test_neither_forwarded_hosts_nor_that_of_an_absolute_target_count(server):
    """A browser lets a page set none of them; it writes the Host header itself."""
    for target, host, forwarded, status in (
        (f"http://localhost:1{PREDICT}", "localhost", "localhost", 200),
        (f"http://localhost:1{PREDICT}", "evil.example", "localhost", 403),
        (PREDICT, "localhost", "evil.example", 200),
        (PREDICT, "evil.example", "localhost", 403),
    ):
        lines = (f"Host: {host}", f"X-Forwarded-Host: {forwarded}", f"Forwarded: host={forwarded}")
        assert raw(server.rest_port, post(*lines, target=target))[0] == status, (target, host)


def test_two_hosts_or_none_are_refused(server):
    assert raw(server.rest_port, post("Host: localhost", "Host: evil.example"))[0] == 400
    assert raw(server.rest_port, post())[0] == 400


def test_more_names_can_be_allowed(folders):
    options = ServerOptions(port=0, rest_port=0, allowed_hosts=("gan.example", "192.0.2.7"))
    with ModelServer(Models({"default": {1: folders["two"]}}), options) as server:
        for host, status in (("GAN.example:443", 200), ("192.0.2.7", 200), ("localhost", 200), ("evil.example", 403)):
            assert raw(server.rest_port, post(f"Host: {host}"))[0] == status, host


@pytest.mark.parametrize("name", ["", " a", "a b", "a:80", "http://a", "*", "*.a", "[::1]:80", "a/b", "a,b"])
def test_what_is_no_host_is_not_allowed(name):
    with pytest.raises(ValueError, match="allowed_hosts: expected names"):
        ServerOptions(allowed_hosts=("good.example", name))
    assert ServerOptions(allowed_hosts=("a.b", "a-b_c", "::1", "[::1]", "10.0.0.1", "é.example")).allowed_hosts


def test_elsewhere_every_name_will_do_unless_some_are_given(folders):
    with ModelServer(Models({"default": {1: folders["two"]}}), ServerOptions("0.0.0.0", 0, 0)) as server:
        assert raw(server.rest_port, post("Host: gan.example"))[0] == 200
    HostNames("0.0.0.0", "0.0.0.0").check("gan.example")
    with pytest.raises(Exception, match="none of this server's names"):
        HostNames("0.0.0.0", "0.0.0.0", ("gan.example",)).check("evil.example")
    with pytest.raises(Exception, match="none of this server's names"):
        HostNames("me", "127.0.1.1").check("evil.example")
    HostNames("me", "127.0.1.1").check("me:8501")
    HostNames("::1", "::1").check("[0:0:0:0:0:0:0:1]:8501")
    with pytest.raises(ValueError, match="allowed_hosts: expected a tuple; got 'gan.example'"):
        ServerOptions(allowed_hosts="gan.example")


# ---------------------------------------------------------------- compressed bodies


@pytest.mark.parametrize(
    "encoding, body",
    [
        ("gzip", zipped(BODY)),
        ("x-gzip", zipped(BODY)),
        ("GZip", zipped(BODY)),
        ("gzip", zipped(BODY[:5]) + zipped(BODY[5:])),  # members
        ("gzip", zipped(b"") + zipped(BODY) + zipped(b"")),
        ("gzip", zipped(BODY) + bytes(10)),  # gzip pads with zeros
        ("gzip, gzip", zipped(zipped(BODY))),
        ("identity", BODY),
        ("identity, gzip", zipped(BODY)),
        ("", BODY),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_may_be_compressed(server, encoding, body, chunked):
    pieces = iter([body[:7], body[7:]]) if chunked else body
    headers = {"Content-Encoding": encoding}
    url = f"http://127.0.0.1:{server.rest_port}{PREDICT}"
    answer = requests.post(url, data=pieces, headers=headers, timeout=20)
    assert (answer.status_code, answer.json()) == (200, {"predictions": [2.5]})


@pytest.mark.parametrize(
    "encoding, body, status, words",
    [
        ("gzip", zipped(BODY)[:-1], 400, "The document is empty: the gzip body is cut off"),
        ("gzip", zipped(BODY)[:4], 400, "is cut off"),
        ("gzip", zipped(BODY) + b"junk", 400, "more follows its end"),
        ("gzip", zipped(BODY) + bytes(3) + zipped(BODY), 400, "more follows its end"),
        (
            "gzip",
            zipped(BODY)[:-8] + bytes(8),
            400,
            "the body is no gzip: Error -3 while decompressing data: incorrect data check",
        ),
        ("gzip", BODY, 400, "the body is no gzip: Error -3 while decompressing data: incorrect header check"),
        (
            "gzip",
            zlib.compress(BODY),
            400,
            "the body is no gzip: Error -3 while decompressing data: incorrect header check",
        ),
        ("gzip", zipped(b"") * 5000, 400, "more than 1000 members"),
        (
            "gzip",
            zipped(bytes(LIMIT + 1)),
            400,
            f"The document is empty: the body unpacks to more than {LIMIT} bytes (--max-request-bytes)",
        ),
        ("gzip", zipped(bytes(LIMIT // 2 + 1)) * 2, 400, "--max-request-bytes"),
        ("gzip, gzip", zipped(zipped(bytes(20 * LIMIT))), 400, "--max-request-bytes"),
        ("gzip", zipped(zipped(BODY)), 400, "JSON Parse error"),
        ("gzip, gzip, gzip", zipped(BODY), 415, "expected gzip or none"),
        ("deflate", zlib.compress(BODY), 415, "Content-Encoding 'deflate': expected gzip or none"),
        ("br", BODY, 415, "'br'"),
        ("gzip, br", zipped(BODY), 415, "'gzip, br'"),
    ],
)
def test_a_body_that_is_not_what_its_header_says_is_named(rest, encoding, body, status, words):
    answer = rest("POST", PREDICT, body, {"Content-Encoding": encoding})
    assert answer[0] == status and words in answer[3]["error"]


def test_two_headers_of_encodings_are_one(server):
    body = zipped(zipped(BODY))
    lines = "Host: localhost", "Content-Encoding: gzip", "Content-Encoding: gzip"
    assert raw(server.rest_port, post(*lines, body=body))[0] == 200


@pytest.mark.parametrize("accepted", ["gzip", "gzip;q=0", "*", "identity;q=0", "br, gzip;q=1.0"])
def test_answers_are_never_compressed(server, accepted):
    """As TensorFlow Serving's: what is not asked for cannot be sent."""
    lines = "Host: localhost", f"Accept-Encoding: {accepted}"
    status, headers, body = raw(server.rest_port, post(*lines))
    assert status == 200 and "content-encoding" not in headers and json.loads(body) == {"predictions": [2.5]}


# ---------------------------------------------------------------- versions and methods of HTTP


@pytest.mark.parametrize("lines", [(), ("Host: localhost",), ("Connection: keep-alive",)])
def test_http_1_0(server, lines):
    status, _, body = raw(server.rest_port, post(*lines, version="1.0"))
    assert (status, json.loads(body)) == (200, {"predictions": [2.5]})


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "BREW"])
def test_other_methods_are_refused_as_by_tensorflow_serving(server, method):
    status, _, body = raw(server.rest_port, f"{method} /v1/models/default HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert status == 400
    assert body == b"" if method == "HEAD" else b"Malformed request" in body


def test_the_page_can_be_looked_at_with_head(server):
    status, headers, body = raw(server.rest_port, b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    whole = call(server, "GET", "/")[2]
    assert (status, int(headers["content-length"]), body) == (200, len(whole.encode()), b"")


def test_an_encoding_of_the_transfer_other_than_chunks_is_refused(server):
    lines = "Host: localhost", "Transfer-Encoding: gzip, chunked"
    assert raw(server.rest_port, post(*lines, body=zipped(BODY)))[0] in (400, 501)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize("flags", [[], ["--http1.0"], ["--compressed"], ["-H", "Transfer-Encoding: chunked"]])
def test_curl(server, tmp_path, flags):
    (tmp_path / "body.gz").write_bytes(zipped(BODY))
    line = ["curl", "-sS", "--max-time", "20", "-H", "Content-Encoding: gzip", "--data-binary", f"@{tmp_path}/body.gz"]
    for host in ("localhost", "127.0.0.1"):
        url = f"http://{host}:{server.rest_port}{PREDICT}"
        done = subprocess.run([*line, *flags, url], capture_output=True, text=True)
        assert json.loads(done.stdout) == {"predictions": [2.5]}, done.stderr
