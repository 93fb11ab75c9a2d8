"""`ssl.config`: TLS on gRPC, as TensorFlow Serving's `SSLConfig`."""

import grpc

from kerasgan.server.config import textproto


def read_credentials(path):
    """Read an `SSLConfig` in text form.

    Args:
        path: the file. `server_key` and `server_cert` are PEM texts (not names of files), `custom_ca` those of
            the authorities that sign client certificates, `client_verify` whether a client must have one.

    Returns:
        `grpc.ServerCredentials`.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not such a text, or a certificate is missing or no PEM; it names file and field.
    """
    config = _read(path)
    for field in ("server_key", "server_cert"):
        _check_pem(path, field, getattr(config, field))
    if config.custom_ca or config.client_verify:
        _check_pem(path, "custom_ca", config.custom_ca)
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )


def asks_for_certificates(path):
    """Whether an `SSLConfig` has `client_verify`: gRPC answers only clients with a certificate.

    Raises:
        OSError, ValueError: as `read_credentials`.
    """
    return _read(path).client_verify


def _read(path):
    return textproto.read(path, textproto.SSLConfig)


def _check_pem(path, field, text):
    if "-----BEGIN " not in text:
        raise ValueError(f"{path}: expected {field} to hold a PEM text (-----BEGIN ...); got {text[:40]!r}")
