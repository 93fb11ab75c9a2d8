"""Where a gRPC server listens: a port, a UNIX socket, or both."""

from kerasgan.server.addresses import host_and_port, unix_address
from kerasgan.server.config.tls import read_credentials


def open_ports(server, options):
    """Have a `grpc.Server` listen where options say, on port and socket with the same TLS.

    Args:
        server: one that has not started.
        options: `ServerOptions`.

    Returns:
        The port, the one chosen where 0 was asked for; None where there is a UNIX socket instead.

    Raises:
        OSError: if one cannot be opened, or the TLS file not be read; it names it.
        ValueError: if the TLS file is wrong.
    """
    credentials = None if options.ssl_config_file is None else read_credentials(options.ssl_config_file)
    if options.grpc_socket_path is not None:
        _open(server, unix_address(options.grpc_socket_path), credentials)
        if not options.port:
            return None
    return _open(server, host_and_port(options.bare_host, options.port), credentials)


def _open(server, address, credentials):
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        hint = ""
        if credentials is not None:
            hint = "; is server_key of ssl_config_file the key of server_cert, and does custom_ca hold certificates?"
        raise OSError(f"cannot open {address} for gRPC: {error}{hint}") from error
    if not port:
        raise OSError(f"cannot open {address} for gRPC")
    return port
