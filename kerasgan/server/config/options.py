"""What can be chosen about a server, and about how models run in it; and the flags that choose it.

`kerasgan serve` makes its flags of these, so this file imports nothing that takes time.
"""

import dataclasses
import ipaddress
import os
import pathlib
import re
import threading
import typing
from collections.abc import Callable

if typing.TYPE_CHECKING:
    from kerasgan.server.config.batching_parameters import BatchingParameters

DEFAULT_METRICS_PATH = "/monitoring/prometheus/metrics"


@dataclasses.dataclass(frozen=True)
class Flag:
    """How an option is chosen on the command line.

    Attributes:
        names: the flags, each a spelling; of a switch `--on/--off`.
        help: what it does.
        type: of the value.
        default: the value where it is not given.
        read: function from the value to the option; it raises ValueError naming the flag where it cannot be meant.
        min: smallest value.
        max: largest value.
    """

    names: tuple[str, ...]
    help: str
    type: typing.Any
    default: typing.Any
    read: Callable[[typing.Any], typing.Any]
    min: float | None
    max: float | None

    @property
    def parameter(self) -> str:
        """Its name as a parameter of a function: the first spelling."""
        return self.names[0].partition("/")[0].lstrip("-").replace("-", "_")


def _option(default, *names, help, type, value=None, read=lambda value: value, min=None, max=None):
    """A field of a dataclass, with its `Flag`; `value` is the flag's default, where that is not the option's."""
    flag = Flag(names, help, type, default if value is None else value, read, min, max)
    return dataclasses.field(default=default, metadata={"flag": flag})


def _texts(value):
    return tuple(filter(None, map(str.strip, value.split(","))))


def _grpc_arguments(text):
    """`grpc.a=1,grpc.b=x` as `(("grpc.a", 1), ("grpc.b", "x"))`."""
    arguments = []
    for piece in _texts(text):
        key, equals, value = piece.partition("=")
        if not key or not equals:
            raise ValueError(f"--grpc_channel_arguments: expected NAME=VALUE,...; got {piece!r}")
        arguments.append((key, int(value) if re.fullmatch(r"-?\d+", value) else value))
    return tuple(arguments)


def _mixed_precision(value):
    if value not in ("", "bfloat16"):
        raise ValueError(f"--mixed_precision: expected bfloat16; got {value!r}")
    return value


def _check_several(name, value):
    """Refuse a text where several are meant: it would be read letter by letter."""
    if isinstance(value, str):
        raise ValueError(f"{name}: expected a tuple; got {value[:200]!r}, which is one alone: write ({value[:200]!r},)")


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """How SavedModels are loaded and run.

    Attributes:
        tags: which graph of a SavedModel is loaded.
        intra_op_threads: threads within one operation; 0 for TensorFlow's choice.
        inter_op_threads: operations of a request run at once, in threads that requests share; 0 to run them in the
            request's own thread, or its batch's, one after another, which costs least.
        gpu_memory_fraction: share of the GPU's memory that the process takes; 0 to take what is needed.
        mixed_precision: "bfloat16" to compute convolutions and products of matrices in it, on a processor that has it;
            "" for the types of the SavedModel.
        max_rows: largest first dimension of an input; 0 for no limit.
        max_output_bytes: largest answer, as bytes of its tensors; 0 for no limit. Where the signature says how large
            a row is, a request for more is refused before it is computed.
        warmup: whether the warmup requests that a SavedModel brings along are run.
        load_threads: versions loaded at once.
        load_retries: how often a load that failed is tried again although no file has changed.
        load_retry_seconds: time between two such attempts.
        batching: `BatchingParameters` of requests that are computed together; None to compute each alone.
        batching_per_model: with `batching`: those about threads count alone; the others lie in a SavedModel's
            `batching_params.pbtxt`, and a model without that file is not batched.
    """

    tags: tuple[str, ...] = _option(
        ("serve",),
        "--saved_model_tags",
        help="Which graph of a SavedModel; tags separated by commas.",
        type=str,
        value="serve",
        read=lambda value: tuple(value.split(",")),
    )
    intra_op_threads: int = 0
    inter_op_threads: int = 0
    gpu_memory_fraction: float = _option(
        0.0, "--per_process_gpu_memory_fraction", help="Share of GPU memory; 0: as needed.", type=float, min=0, max=1
    )
    mixed_precision: str = _option(
        "",
        "--mixed_precision",
        help="bfloat16: compute convolutions and products in it, on processors that have it.",
        type=str,
        read=_mixed_precision,
    )
    max_rows: int = _option(
        65536, "--max-rows", help="Largest first dimension of an input; 0: no limit.", type=int, min=0
    )
    max_output_bytes: int = _option(
        256 * 2**20, "--max-output-bytes", help="Largest answer, as bytes of its tensors; 0: no limit.", type=int, min=0
    )
    warmup: bool = _option(
        True, "--enable_model_warmup/--noenable_model_warmup", help="Run the warmup requests of SavedModels.", type=bool
    )
    load_threads: int = _option(
        1,
        "--num_load_threads",
        help="Versions loaded at once; 0 and 1: one after another.",
        type=int,
        value=0,
        read=lambda value: max(1, value),
        min=0,
    )
    load_retries: int = _option(
        5, "--max_num_load_retries", help="How often a failed load is tried again.", type=int, min=0
    )
    load_retry_seconds: float = _option(
        60.0,
        "--load_retry_interval_micros",
        help="Time between two attempts.",
        type=int,
        value=60_000_000,
        read=lambda value: 1e-6 * value,
        min=0,
    )
    batching: "BatchingParameters | None" = None
    batching_per_model: bool = False

    def __post_init__(self):
        _check_several("tags", self.tags)


@dataclasses.dataclass(frozen=True)
class WatchOptions:
    """When models and versions are looked for.

    Attributes:
        poll_seconds: time between two looks for versions; 0 for none after the first.
        config_poll_seconds: time between two looks at the models.config; 0 for none after the first.
        allow_labels_for_unavailable: whether a new label may be given to a version that is not available yet;
            without it, a config with labels is refused at the start.
    """

    poll_seconds: float = _option(
        1.0,
        "--file_system_poll_wait_seconds",
        "--poll-seconds",
        help="Between two looks for versions; 0: one.",
        type=float,
        min=0,
    )
    config_poll_seconds: float = _option(
        0.0,
        "--model_config_file_poll_wait_seconds",
        "--config-poll-seconds",
        help="Between two looks at the models.config; 0: one.",
        type=float,
        min=0,
    )
    allow_labels_for_unavailable: bool = _option(
        False,
        "--allow_version_labels_for_unavailable_models/--noallow_version_labels_for_unavailable_models",
        help="New labels may be given to versions that are not loaded yet.",
        type=bool,
    )

    def __post_init__(self):
        for name in ("poll_seconds", "config_poll_seconds"):
            seconds = getattr(self, name)
            if not 0 <= seconds <= threading.TIMEOUT_MAX:
                most = f"{threading.TIMEOUT_MAX:g}"
                raise ValueError(f"{name}: expected seconds from 0 to {most}; got {seconds}; 0 looks once alone")


def _cores():
    """The cores that this process may use; none where the system cannot tell (it is not Linux)."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()


def _is_host(name):
    """Whether a text is the name of a host or an address: without a port, a scheme or spaces, and no pattern."""
    try:
        return bool(ipaddress.ip_address(name.strip("[]")))
    except ValueError:
        return re.fullmatch(r"[^\s:/\[\]*,]+", name) is not None


_MOST_INT = 2**31 - 1  # for gRPC


class DefaultPort(int):
    """A port that nobody chose: equal to the number, but not opened where it would be unsafe."""


@dataclasses.dataclass(frozen=True)
class ServerOptions:
    """Where a server listens, what it accepts, and what it shows.

    Attributes:
        host: address to listen on. The default is reachable from this machine only; "0.0.0.0" from everywhere.
        port: gRPC port, 0 for any free one, or with `grpc_socket_path` for none.
        rest_port: REST port, 0 for any free one, None for no REST. The default, 8501, is not opened where
            `ssl_config_file` has `client_verify`: REST has no TLS and would answer everyone.
        allowed_hosts: further host names that REST answers to. On a loopback address, or where some are given, a
            request for another host than these, `host` and this machine's loopback names is refused (403).
        grpc_socket_path: a UNIX socket on which gRPC is served too, or None.
        ssl_config_file: an `SSLConfig` in text form, for TLS on gRPC (port and socket); None for none.
        grpc_threads: gRPC requests worked on at once; None for four for each CPU, with batching 256 at least
            (a request that waits for its batch holds a thread).
        rest_threads: REST requests worked on at once; None likewise.
        request_core: number of the core that the threads of requests keep to, all of them; None for any. Python runs
            one of them at a time, and spread over cores they wake one another in vain. With batching only: else
            models run in these threads. Not where others keep that core busy.
        grpc_arguments: `((name, int or str), ...)`, passed to gRPC as they are.
        max_request_bytes: largest request accepted: a REST body (413), a gRPC message (RESOURCE_EXHAUSTED).
        max_requests: requests of each transport that may be under way or wait; more are answered
            RESOURCE_EXHAUSTED, or 429. As many gRPC calls again may be there of which the message has not come.
        max_streams: gRPC streams (reflection, `Watch` of the health service) that may be open; one more is answered
            RESOURCE_EXHAUSTED. Each holds a thread of its own.
        rest_timeout_seconds: time for a REST request, from its first byte to the answer (504).
        metrics_path: path on the REST port of the page for Prometheus; None for no such page.
        cors: whether web pages from other addresses may use the REST API.
        tensor_content: whether tensors of gRPC answers are written as `tensor_content`, which is quicker, instead
            of typed fields; clients must read both.
        health_checks: whether the standard gRPC health service is there.
        drain_seconds: after SIGTERM or SIGINT, how long requests are still answered while health checks over gRPC and
            `/readyz` over REST say that the server stops: for load balancers that look, and do not know otherwise.
        reload_requests: whether callers may replace the models with HandleReloadConfigRequest.
        access_log: file to which one JSON line a request is appended; "-" for standard output, None for none.
    """

    host: str = _option("127.0.0.1", "--host", help="Address to listen on.", type=str)
    port: int = _option(
        8500, "--port", help="Port for gRPC; 0 for any free one, or with --grpc_socket_path for none.", type=int
    )
    rest_port: int | None = DefaultPort(8501)
    allowed_hosts: tuple[str, ...] = _option(
        (),
        "--allowed-hosts",
        help="Further host names, separated by commas, that REST answers to. On a loopback address, or where some are "
        "given, others are refused.",
        type=str,
        value="",
        read=_texts,
    )
    grpc_socket_path: str | None = _option(
        None,
        "--grpc_socket_path",
        help="A UNIX socket for gRPC, besides the port.",
        type=str | None,
        read=lambda value: value or None,
    )
    ssl_config_file: str | os.PathLike[str] | None = _option(
        None, "--ssl_config_file", help="An SSLConfig: TLS on gRPC, not on REST.", type=pathlib.Path | None
    )
    grpc_threads: int | None = _option(
        None, "--grpc_max_threads", help="gRPC requests worked on at once.", type=int | None, min=1
    )
    rest_threads: int | None = _option(
        None, "--rest_api_num_threads", help="REST requests worked on at once.", type=int | None, min=1
    )
    request_core: int | None = _option(
        None, "--request-core", help="Core for the threads of requests; with --enable_batching.", type=int | None, min=0
    )
    grpc_arguments: tuple[tuple[str, int | str], ...] = _option(
        (),
        "--grpc_channel_arguments",
        help="Passed to gRPC: grpc.max_connection_age_ms=2000,...",
        type=str,
        value="",
        read=_grpc_arguments,
    )
    max_request_bytes: int = _option(
        64 * 2**20, "--max-request-bytes", help="Largest request accepted.", type=int, min=1, max=2**31 - 1
    )
    max_requests: int = _option(
        4096, "--max-requests", help="Requests of each transport under way or waiting.", type=int, min=1
    )
    max_streams: int = _option(
        100, "--max-streams", help="Open gRPC streams: reflection, Watch of the health service.", type=int, min=1
    )
    rest_timeout_seconds: float = _option(
        30.0,
        "--rest_api_timeout_in_ms",
        help="Time for a REST request.",
        type=int,
        value=30_000,
        read=lambda value: 1e-3 * value,
        min=1,
    )
    metrics_path: str | None = DEFAULT_METRICS_PATH
    cors: bool = _option(
        False,
        "--rest_api_enable_cors_support/--norest_api_enable_cors_support",
        "--cors/--no-cors",
        help="Web pages from elsewhere may use REST.",
        type=bool,
    )
    tensor_content: bool = _option(
        False,
        "--enable_serialization_as_tensor_content/--noenable_serialization_as_tensor_content",
        help="Write tensors of gRPC answers as bytes: quicker.",
        type=bool,
    )
    health_checks: bool = _option(
        False,
        "--enable_grpc_healthcheck_service/--noenable_grpc_healthcheck_service",
        help="Serve the standard gRPC health service.",
        type=bool,
    )
    drain_seconds: float = _option(
        0.0,
        "--drain-seconds",
        help="After SIGTERM, time in which health checks say that the server stops and it still answers.",
        type=float,
        min=0,
        max=3600,
    )
    reload_requests: bool = _option(
        True,
        "--reload-requests/--no-reload-requests",
        help="Callers may replace the models (HandleReloadConfigRequest).",
        type=bool,
    )
    access_log: str | None = _option(
        None, "--access-log", help="File for one JSON line a request; - for standard output.", type=str | None
    )

    def __post_init__(self):
        for name, number in {"port": self.port, "rest_port": self.rest_port}.items():
            if number is not None and not 0 <= number < 2**16:
                raise ValueError(f"{name}: expected a port from 0 to 65535; got {number}")
        if not self.host:
            raise ValueError("host: expected an address or a name, such as 127.0.0.1 or 0.0.0.0; got nothing")
        if self.port and self.port == self.rest_port:
            raise ValueError(f"port: expected another than REST's; got {self.port} for both")
        _check_several("allowed_hosts", self.allowed_hosts)
        _check_several("grpc_arguments", self.grpc_arguments)
        for name in self.allowed_hosts:
            if not _is_host(name):
                raise ValueError(
                    "allowed_hosts: expected names of hosts or addresses, without port, scheme, space or *; "
                    f"got {name[:200]!r}"
                )
        cores = sorted(_cores())
        if self.request_core is not None and self.request_core not in cores:
            raise ValueError(
                f"request_core: expected one of {cores}, the cores of this process; got {self.request_core}; "
                "None takes any"
            )
        for name in ("max_requests", "max_streams"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1; got {getattr(self, name)}")
        if not 0 < self.max_request_bytes <= _MOST_INT:
            raise ValueError(f"max_request_bytes: expected 1 to {_MOST_INT}; got {self.max_request_bytes}")
        for name, value in self.grpc_arguments:
            if isinstance(value, int) and not -_MOST_INT <= value <= _MOST_INT:
                raise ValueError(f"grpc_arguments: expected {name} of 32 bits; got {value}")
        if not self.rest_timeout_seconds > 0:
            raise ValueError(f"rest_timeout_seconds: expected a time above 0; got {self.rest_timeout_seconds}")

    @property
    def bare_host(self) -> str:
        """`host` without the brackets that an IPv6 address may be written with."""
        return self.host.removeprefix("[").removesuffix("]")
