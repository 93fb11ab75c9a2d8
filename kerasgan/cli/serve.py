"""The command `kerasgan serve`, which takes the flags of `tensorflow_model_server` in their own spelling."""

import contextlib
import enum
import logging
import os
import pathlib
import re
import signal
import sys
import threading
from typing import Annotated

import typer
from typer.core import TyperCommand

from kerasgan.utils import tf_runtime

_TRUE = ("true", "t", "yes", "y", "1")
_FALSE = ("false", "f", "no", "n", "0")
_OF_REST = ("rest_api_num_threads", "rest_api_timeout_in_ms", "rest_api_enable_cors_support", "allowed_hosts")


class ServeCommand(TyperCommand):
    """A command that takes flags as `tensorflow_model_server` does: `--flag=true`, `--flag=false`, and _ or -."""

    def format_help(self, ctx, formatter):
        """Write the help as plain text: a table would cut the long names."""
        self.rich_markup_mode = None
        super().format_help(ctx, formatter)

    def parse_args(self, ctx, args):
        """Bring the flags into the form that click knows, then parse them."""
        options = {name: option for option in self.params for name in (*option.opts, *option.secondary_opts)}
        return super().parse_args(ctx, [self._usual(ctx, arg, options) for arg in args])

    def _usual(self, ctx, arg, options):
        match = re.fullmatch(r"(--[\w-]+)(?:=(.*))?", arg, re.DOTALL)
        if not match:
            return arg
        flag, value = match.groups()
        flag = next((name for name in options if name.replace("-", "_") == flag.replace("-", "_")), flag)
        option = options.get(flag)
        if value is None:
            return flag
        if option is None or not option.is_flag or not option.secondary_opts:
            return f"{flag}={value}"
        if value.lower() in _TRUE:
            return flag
        if value.lower() in _FALSE:
            return option.secondary_opts[0] if flag in option.opts else option.opts[0]
        raise typer.BadParameter(f"expected true or false; got {value!r}", ctx, param_hint=flag)


class Backend(enum.StrEnum):
    """What serves."""

    KERASGAN = "kerasgan"
    TENSORFLOW_MODEL_SERVER = "tensorflow_model_server"


def serve(
    context: typer.Context,
    folder: Annotated[pathlib.Path | None, typer.Argument(help="Folder of models, or of one model's versions.")] = None,
    model_base_path: Annotated[
        pathlib.Path | None,
        typer.Option("--model_base_path", help="Folder of one model's versions, instead of FOLDER; may be empty yet."),
    ] = None,
    model_name: Annotated[
        str | None, typer.Option("--model_name", help="Name of the one model; with --model_base_path 'default'.")
    ] = None,
    model_config_file: Annotated[
        pathlib.Path | None, typer.Option("--model_config_file", help="A models.config, instead of FOLDER.")
    ] = None,
    model_config_file_poll_wait_seconds: Annotated[
        float,
        typer.Option(
            "--model_config_file_poll_wait_seconds",
            "--config-poll-seconds",
            min=0,
            help="Between two looks at the models.config; 0: one.",
        ),
    ] = 0.0,
    file_system_poll_wait_seconds: Annotated[
        float,
        typer.Option(
            "--file_system_poll_wait_seconds", "--poll-seconds", min=0, help="Between two looks for versions; 0: one."
        ),
    ] = 1.0,
    allow_version_labels_for_unavailable_models: Annotated[
        bool,
        typer.Option(
            "--allow_version_labels_for_unavailable_models/--noallow_version_labels_for_unavailable_models",
            help="New labels may be given to versions that are not loaded yet.",
        ),
    ] = False,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="Port for gRPC; 0 for any free one, or with --grpc_socket_path for none.")
    ] = 8500,
    rest_port: Annotated[
        int,
        typer.Option(
            "--rest-port",
            help="Port for REST; 0 for any free one. Where gRPC asks clients for certificates (client_verify), there "
            "is no REST unless this is given.",
        ),
    ] = 8501,
    rest_api_port: Annotated[
        int | None, typer.Option("--rest_api_port", help="The same, but 0 for no REST, as TensorFlow Serving has it.")
    ] = None,
    allowed_hosts: Annotated[
        str,
        typer.Option(
            "--allowed-hosts",
            help="Further host names, separated by commas, that REST answers to. On a loopback address, or where some "
            "are given, others are refused.",
        ),
    ] = "",
    grpc_socket_path: Annotated[
        str | None, typer.Option("--grpc_socket_path", help="A UNIX socket for gRPC, besides the port.")
    ] = None,
    ssl_config_file: Annotated[
        pathlib.Path | None, typer.Option("--ssl_config_file", help="An SSLConfig: TLS on gRPC, not on REST.")
    ] = None,
    grpc_max_threads: Annotated[
        int | None, typer.Option("--grpc_max_threads", min=1, help="gRPC requests worked on at once.")
    ] = None,
    rest_api_num_threads: Annotated[
        int | None, typer.Option("--rest_api_num_threads", min=1, help="REST requests worked on at once.")
    ] = None,
    request_core: Annotated[
        int | None,
        typer.Option("--request-core", min=0, help="Core for the threads of requests; with --enable_batching."),
    ] = None,
    rest_api_timeout_in_ms: Annotated[
        int, typer.Option("--rest_api_timeout_in_ms", min=1, help="Time for a REST request.")
    ] = 30000,
    rest_api_enable_cors_support: Annotated[
        bool,
        typer.Option(
            "--rest_api_enable_cors_support/--norest_api_enable_cors_support",
            "--cors/--no-cors",
            help="Web pages from elsewhere may use REST.",
        ),
    ] = False,
    grpc_channel_arguments: Annotated[
        str, typer.Option("--grpc_channel_arguments", help="Passed to gRPC: grpc.max_connection_age_ms=2000,...")
    ] = "",
    enable_serialization_as_tensor_content: Annotated[
        bool,
        typer.Option(
            "--enable_serialization_as_tensor_content/--noenable_serialization_as_tensor_content",
            help="Write tensors of gRPC answers as bytes: quicker.",
        ),
    ] = False,
    enable_grpc_healthcheck_service: Annotated[
        bool,
        typer.Option(
            "--enable_grpc_healthcheck_service/--noenable_grpc_healthcheck_service",
            help="Serve the standard gRPC health service.",
        ),
    ] = False,
    reload_requests: Annotated[
        bool,
        typer.Option(
            "--reload-requests/--no-reload-requests", help="Callers may replace the models (HandleReloadConfigRequest)."
        ),
    ] = True,
    enable_batching: Annotated[
        bool, typer.Option("--enable_batching/--noenable_batching", help="Compute requests together.")
    ] = False,
    batching_parameters_file: Annotated[
        pathlib.Path | None, typer.Option("--batching_parameters_file", help="BatchingParameters: how.")
    ] = None,
    enable_per_model_batching_parameters: Annotated[
        bool,
        typer.Option(
            "--enable_per_model_batching_parameters/--noenable_per_model_batching_parameters",
            help="Read them from a SavedModel's batching_params.pbtxt; all but those about threads.",
        ),
    ] = False,
    tensorflow_session_parallelism: Annotated[
        int, typer.Option("--tensorflow_session_parallelism", min=0, help="Both of the following; 0: automatic.")
    ] = 0,
    tensorflow_intra_op_parallelism: Annotated[
        int, typer.Option("--tensorflow_intra_op_parallelism", min=0, help="Threads within an operation.")
    ] = 0,
    tensorflow_inter_op_parallelism: Annotated[
        int, typer.Option("--tensorflow_inter_op_parallelism", min=0, help="Operations at once; 0: one in each thread.")
    ] = 0,
    per_process_gpu_memory_fraction: Annotated[
        float,
        typer.Option("--per_process_gpu_memory_fraction", min=0, max=1, help="Share of GPU memory; 0: as needed."),
    ] = 0.0,
    saved_model_tags: Annotated[
        str, typer.Option("--saved_model_tags", help="Which graph of a SavedModel; tags separated by commas.")
    ] = "serve",
    enable_model_warmup: Annotated[
        bool,
        typer.Option("--enable_model_warmup/--noenable_model_warmup", help="Run the warmup requests of SavedModels."),
    ] = True,
    num_load_threads: Annotated[
        int, typer.Option("--num_load_threads", min=0, help="Versions loaded at once; 0 and 1: one after another.")
    ] = 0,
    max_num_load_retries: Annotated[
        int, typer.Option("--max_num_load_retries", min=0, help="How often a failed load is tried again.")
    ] = 5,
    load_retry_interval_micros: Annotated[
        int, typer.Option("--load_retry_interval_micros", min=0, help="Time between two attempts.")
    ] = 60_000_000,
    monitoring_config_file: Annotated[
        pathlib.Path | None,
        typer.Option("--monitoring_config_file", help="A MonitoringConfig: where metrics are shown, and whether."),
    ] = None,
    access_log: Annotated[
        str | None, typer.Option("--access-log", help="File for one JSON line a request; - for standard output.")
    ] = None,
    max_request_bytes: Annotated[
        int, typer.Option("--max-request-bytes", min=1, max=2**31 - 1, help="Largest request accepted.")
    ] = 64 * 2**20,
    max_rows: Annotated[
        int, typer.Option("--max-rows", min=0, help="Largest first dimension of an input; 0: no limit.")
    ] = 65536,
    max_output_bytes: Annotated[
        int, typer.Option("--max-output-bytes", min=0, help="Largest answer, as bytes of its tensors; 0: no limit.")
    ] = 256 * 2**20,
    max_requests: Annotated[
        int, typer.Option("--max-requests", min=1, help="Requests of each transport under way or waiting.")
    ] = 4096,
    max_streams: Annotated[
        int, typer.Option("--max-streams", min=1, help="Open gRPC streams: reflection, Watch of the health service.")
    ] = 100,
    backend: Annotated[
        Backend, typer.Option("--backend", help="tensorflow_model_server runs that program, found on the PATH.")
    ] = Backend.KERASGAN,
):
    """Serve models over TensorFlow Serving's gRPC and REST API until interrupted."""
    if [folder, model_base_path, model_config_file].count(None) != 2:
        raise typer.BadParameter("give a folder, or --model_base_path PATH, or --model_config_file FILE")
    if batching_parameters_file is not None and not enable_batching:
        raise typer.BadParameter("--batching_parameters_file: expected --enable_batching with it")
    if enable_per_model_batching_parameters and not enable_batching:
        raise typer.BadParameter("--enable_per_model_batching_parameters: expected --enable_batching with it")
    if request_core is not None and not enable_batching:
        raise typer.BadParameter("--request-core: expected --enable_batching with it")
    if rest_api_port is not None and _is_given(context, "rest_port"):
        raise typer.BadParameter("give --rest-port or --rest_api_port, not both")
    if model_config_file is not None and model_name is not None:
        raise typer.BadParameter("--model_name: the models.config names the models; expected it without that flag")
    if backend is Backend.TENSORFLOW_MODEL_SERVER:
        from kerasgan.cli import tensorflow_model_server

        given = {name: value for name, value in context.params.items() if _is_given(context, name)}
        tensorflow_model_server.run(given)
    arguments = _grpc_arguments(grpc_channel_arguments)
    tf_runtime.import_tensorflow()
    from kerasgan import server
    from kerasgan.server import collecting
    from kerasgan.server.config import batching_parameters, models_config, monitoring

    _log_to_standard_error()
    _warn_of_flags_without_effect(context)
    metrics_path = monitoring.DEFAULT_METRICS_PATH
    if monitoring_config_file is not None:
        metrics_path = monitoring.read_metrics_path(monitoring_config_file)
    batching = server.BatchingParameters() if enable_batching else None
    if batching_parameters_file is not None:
        batching = batching_parameters.read_parameters(batching_parameters_file)
    chosen_rest_port = server.ServerOptions.rest_port
    if rest_api_port is not None:
        chosen_rest_port = rest_api_port or None
    elif _is_given(context, "rest_port"):
        chosen_rest_port = rest_port
    where = server.ServerOptions(
        host=host,
        port=port,
        rest_port=chosen_rest_port,
        allowed_hosts=tuple(filter(None, map(str.strip, allowed_hosts.split(",")))),
        grpc_socket_path=grpc_socket_path or None,
        ssl_config_file=ssl_config_file,
        grpc_threads=grpc_max_threads,
        rest_threads=rest_api_num_threads,
        request_core=request_core,
        grpc_arguments=arguments,
        max_request_bytes=max_request_bytes,
        max_requests=max_requests,
        max_streams=max_streams,
        rest_timeout_seconds=1e-3 * rest_api_timeout_in_ms,
        metrics_path=metrics_path,
        cors=rest_api_enable_cors_support,
        tensor_content=enable_serialization_as_tensor_content,
        health_checks=enable_grpc_healthcheck_service,
        reload_requests=reload_requests,
        access_log=access_log,
    )
    how = server.ModelOptions(
        tags=tuple(saved_model_tags.split(",")),
        intra_op_threads=tensorflow_intra_op_parallelism or tensorflow_session_parallelism,
        inter_op_threads=tensorflow_inter_op_parallelism or tensorflow_session_parallelism,
        gpu_memory_fraction=per_process_gpu_memory_fraction,
        max_rows=max_rows,
        max_output_bytes=max_output_bytes,
        warmup=enable_model_warmup,
        load_threads=max(1, num_load_threads),
        load_retries=max_num_load_retries,
        load_retry_seconds=1e-6 * load_retry_interval_micros,
        batching=batching,
        batching_per_model=enable_per_model_batching_parameters,
    )
    when = server.WatchOptions(
        poll_seconds=file_system_poll_wait_seconds,
        config_poll_seconds=model_config_file_poll_wait_seconds,
        allow_labels_for_unavailable=allow_version_labels_for_unavailable_models,
    )
    _allow_many_connections()
    with _signals_end_the_process():
        if folder is not None:
            running = server.serve(folder, where, how, when, model_name)
        elif model_config_file is not None:
            running = server.serve_config(model_config_file, where, how, when)
        else:
            models = models_config.models_config({model_name or "default": model_base_path.absolute()})
            running = server.serve_config(models, where, how, when)
        collecting.freeze()
    with running:
        ended = running.wait(on_ready=lambda: print(f"{running.addresses}  (Ctrl-C stops)", flush=True))
    if not ended:  # a thread still computes, or loads a model, for which Python would wait
        sys.stdout.flush()
        os._exit(1)


def _log_to_standard_error():
    """One line an event, with time and level: models that are loaded, swapped and unloaded, and what goes wrong."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("kerasgan.server").setLevel(logging.INFO)


def _warn_of_flags_without_effect(context):
    given = context.params
    others = ("monitoring_config_file", *_OF_REST) if given["rest_api_port"] == 0 else ()
    unheard = [(name, "without REST (--rest_api_port=0)") for name in others if _is_given(context, name)]
    if given["model_config_file"] is None and given["model_config_file_poll_wait_seconds"]:
        unheard.append(("model_config_file_poll_wait_seconds", "without --model_config_file"))
    flags = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    for name, why in unheard:
        logging.getLogger("kerasgan.server").warning("%s has no effect %s", flags[name], why)


@contextlib.contextmanager
def _signals_end_the_process():
    """SIGTERM and SIGINT end it at once: nobody is served yet, and to load a model cannot be stopped."""

    def end(number, frame):
        os.write(2, b"ended by a signal before all models were loaded\n")
        os._exit(128 + number)

    handled = {}
    if threading.current_thread() is threading.main_thread():
        handled = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)


def _is_given(context, name):
    return context.get_parameter_source(name).name != "DEFAULT"


def _grpc_arguments(text):
    """`grpc.a=1,grpc.b=x` as `(("grpc.a", 1), ("grpc.b", "x"))`."""
    arguments = []
    for piece in filter(None, map(str.strip, text.split(","))):
        key, equals, value = piece.partition("=")
        if not key or not equals:
            raise typer.BadParameter(f"--grpc_channel_arguments: expected NAME=VALUE,...; got {piece!r}")
        arguments.append((key, int(value) if re.fullmatch(r"-?\d+", value) else value))
    return tuple(arguments)


def _allow_many_connections():
    """Each connection is an open file, of which a process may often have 1024 unless it asks for more."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if most == resource.RLIM_INFINITY else most
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    except (OSError, ValueError):
        pass
