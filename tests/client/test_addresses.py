"""Addresses, times and certificates."""

import contextlib
import json
import socket
import socketserver
import ssl
import subprocess
import threading

import numpy as np
import pytest
import trustme

from kerasgan import client
from kerasgan.server import ModelServer, ServerOptions
from tests.client.conftest import Shared


@pytest.mark.parametrize("address", ["", ":8500", "ftp://h:1", "http://h:x", "http://h/v1", "h:99999", "http://"])
def test_addresses_that_are_not_understood(address):
    with pytest.raises(ValueError, match="address"):
        client.connect(address, "m")
    with pytest.raises(ValueError, match="no model"):
        client.connect("localhost", "")


def test_an_ipv6_address_without_brackets_is_named():
    with pytest.raises(ValueError, match=r"written in brackets: \[::1\]:8500"):
        client.connect("::1:8500", "m")


@pytest.mark.parametrize(
    "address, expected",
    [
        ("h", "h:8500"),
        ("h:1", "h:1"),
        ("[::1]:2", "[::1]:2"),
        ("http://h", "http://h:8501"),
        ("http://[::1]", "http://[::1]:8501"),
        ("https://[fe80::1]:2", "https://[fe80::1]:2"),
        ("http://h:1/", "http://h:1"),
        ("https://h", "https://h:443"),
        ("grpcs://h", "h:8500"),
    ],
)
def test_addresses(address, expected):
    with client.connect(address, "m") as model:
        assert model._transport.address == expected


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Files of an authority, of a server's certificate by it, and of a client's: {name: path}."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    names = {"ca": folder / "ca.pem"}
    authority.cert_pem.write_to_path(names["ca"])
    for who in ("server", "client"):
        issued = authority.issue_cert("127.0.0.1" if who == "server" else "client.example")
        names[who], names[f"{who}_key"] = folder / f"{who}.pem", folder / f"{who}.key"
        issued.cert_chain_pems[0].write_to_path(names[who])
        issued.private_key_pem.write_to_path(names[f"{who}_key"])
    return names


@pytest.fixture(scope="module")
def mutual_tls(server, certificates, tmp_path_factory):
    """Addresses by transport that want the client's certificate, and lead to `server`'s models."""
    pem = {name: json.dumps(path.read_text()) for name, path in certificates.items()}
    config = tmp_path_factory.mktemp("tls") / "ssl.config"
    config.write_text(
        f"server_key: {pem['server_key']} server_cert: {pem['server']} custom_ca: {pem['ca']} client_verify: true"
    )
    secure = ModelServer(server.models, ServerOptions(port=0, rest_port=None, ssl_config_file=str(config)))
    secure.models = Shared(server.models)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates["ca"])
    context.load_cert_chain(certificates["server"], certificates["server_key"])
    context.verify_mode = ssl.CERT_REQUIRED
    with secure, _TlsTo(context, server.rest_port) as front:
        threading.Thread(target=front.serve_forever, daemon=True).start()
        yield {"grpc": f"grpcs://127.0.0.1:{secure.port}", "rest": f"https://127.0.0.1:{front.server_address[1]}"}
        front.shutdown()


class _TlsTo(socketserver.ThreadingTCPServer):
    """Takes TLS connections and passes one request and its answer on to a port without."""

    daemon_threads = True

    def __init__(self, context, port):
        super().__init__(("127.0.0.1", 0), None)
        self.context, self.port = context, port

    def finish_request(self, request, client_address):
        with contextlib.suppress(OSError), self.context.wrap_socket(request, server_side=True) as front:
            with socket.create_connection(("127.0.0.1", self.port)) as back:
                back.sendall(front.recv(2**20))
                front.settimeout(0.2)  # a body may come after its headers
                with contextlib.suppress(TimeoutError):
                    back.sendall(front.recv(2**20))
                front.settimeout(10)
                back.settimeout(0.5)
                with contextlib.suppress(TimeoutError):
                    while content := back.recv(2**20):
                        front.sendall(content)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_mutual_tls(mutual_tls, certificates, transport, server):
    own = {"certificate_file": certificates["client"], "key_file": certificates["client_key"]}
    address = mutual_tls[transport]
    with client.connect(address, "conditional", ca_file=certificates["ca"], **own) as model:
        images = model.generate(2, seed=3, labels=1)
    with client.connect(f"127.0.0.1:{server.port}", "conditional") as model:
        np.testing.assert_array_equal(images, model.generate(2, seed=3, labels=1))
    without = {"neither": {}, "no own certificate": {"ca_file": certificates["ca"]}, "no authority": own}
    for arguments in without.values():
        with client.connect(address, "conditional", timeout=0.3, **arguments) as model:
            with pytest.raises(ConnectionError, match="127.0.0.1"):
                model.generate(labels=1)


def test_certificates_must_go_together(certificates, tmp_path):
    with pytest.raises(ValueError, match="without TLS"):
        client.connect("h:1", "m", ca_file=certificates["ca"])
    with pytest.raises(ValueError, match="certificate_file and key_file"):
        client.connect("https://h:1", "m", certificate_file=certificates["client"])
    for scheme in ("grpcs", "https"):
        with pytest.raises(FileNotFoundError, match="^ca_file: cannot read .*none.pem: No such file"):
            client.connect(f"{scheme}://h:1", "m", ca_file=tmp_path / "none.pem")
        with pytest.raises(IsADirectoryError, match=f"^key_file: cannot read {tmp_path}: Is a directory"):
            files = {"certificate_file": certificates["client"], "key_file": tmp_path}
            client.connect(f"{scheme}://h:1", "m", **files)


@pytest.mark.parametrize("scheme", ["grpcs", "https"])
def test_wrong_certificate_files_are_named(certificates, tmp_path, scheme):
    """gRPC by itself tries for ten seconds, and says that the connection was refused."""
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no PEM")
    with pytest.raises(ValueError, match=r"ca_file: .*garbage\.pem"):
        client.connect(f"{scheme}://h:1", "m", ca_file=garbage)
    files = {"certificate_file": certificates["client"], "key_file": certificates["server_key"]}  # another's key
    with pytest.raises(ValueError, match=r"certificate_file, key_file: .*client\.pem and .*server\.key"):
        client.connect(f"{scheme}://h:1", "m", **files)


def test_an_encrypted_key_is_refused_over_grpc(certificates, tmp_path):
    key = tmp_path / "encrypted.key"
    command = ["openssl", "pkey", "-in", certificates["client_key"], "-aes256", "-passout", "pass:secret", "-out", key]
    subprocess.run(command, check=True)
    with pytest.raises(ValueError, match=r"key_file: .*encrypted\.key"):
        client.connect("grpcs://h:1", "m", certificate_file=certificates["client"], key_file=key)


def test_what_a_failed_handshake_may_mean_is_said(mutual_tls, certificates):
    address = mutual_tls["grpc"]
    with client.connect(address, "conditional", timeout=0.3, ca_file=certificates["ca"]) as model:
        with pytest.raises(ConnectionError, match="a certificate that is turned down"):
            model.generate(labels=1)
    with client.connect(address.removeprefix("grpcs://"), "conditional", timeout=0.3) as model:
        with pytest.raises(ConnectionError, match="grpcs://"):
            model.generate(labels=1)


@pytest.mark.parametrize(
    ("address", "given", "message"),
    [
        ("127.0.0.1:8500", {"timeout": float("inf")}, "timeout, request_timeout: expected seconds"),
        ("127.0.0.1:8500", {"timeout": -1.0}, "timeout, request_timeout: expected seconds"),
        ("127.0.0.1:8500", {"request_timeout": 0.0}, "timeout, request_timeout: expected seconds"),
        ("127.0.0.1:8500", {"timeout": "1"}, "timeout, request_timeout: expected seconds .*; got '1' and 300.0"),
        ("127.0.0.1:8500", {"request_timeout": True}, "timeout, request_timeout: expected seconds"),
        ("127.0.0.1:8500", {"timeout": None}, "timeout, request_timeout: expected seconds"),
        ("127.0.0.1:0", {}, "give a port from 1 on, and no user"),
        ("http://me:secret@127.0.0.1:8501", {}, "give a port from 1 on, and no user"),
    ],
)
def test_addresses_and_times_that_cannot_be_meant(address, given, message):
    with pytest.raises(ValueError, match=message):
        client.connect(address, "garments", **given)
