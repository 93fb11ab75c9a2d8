"""The command `kerasgan serve`, which takes the flags of `tensorflow_model_server` in their own spelling."""

import contextlib
import dataclasses
import enum
import inspect
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

from kerasgan.server.config import options
from kerasgan.utils import messages, tf_runtime

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


def _flags():
    """The flags of the options that a server takes as they are: `(class, name of the option, Flag)` of each."""
    for chosen in (options.ServerOptions, options.ModelOptions, options.WatchOptions):
        for field in dataclasses.fields(chosen):
            if "flag" in field.metadata:
                yield chosen, field.name, field.metadata["flag"]


def _with_flags(command):
    """Give a command that takes `**chosen` a parameter for each of these flags."""
    signature = inspect.signature(command)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    made = [
        inspect.Parameter(
            flag.parameter,
            inspect.Parameter.KEYWORD_ONLY,
            default=flag.default,
            annotation=Annotated[flag.type, typer.Option(*flag.names, help=flag.help, min=flag.min, max=flag.max)],
        )
        for _, _, flag in _flags()
    ]
    command.__signature__ = signature.replace(parameters=[*own, *made])
    command.__annotations__ |= {parameter.name: parameter.annotation for parameter in made}
    return command


def _chosen(kind, given, **others):
    """Make options of a class, of the flags that were given and of other values; errors name the flags."""
    flags = {name: flag for chosen, name, flag in _flags() if chosen is kind}
    try:
        values = {name: flag.read(given[flag.parameter]) for name, flag in flags.items()}
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with messages.all_renamed({name: flag.names[0] for name, flag in flags.items()}):
        return kind(**values, **others)


@_with_flags
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
    monitoring_config_file: Annotated[
        pathlib.Path | None,
        typer.Option("--monitoring_config_file", help="A MonitoringConfig: where metrics are shown, and whether."),
    ] = None,
    backend: Annotated[
        Backend, typer.Option("--backend", help="tensorflow_model_server runs that program, found on the PATH.")
    ] = Backend.KERASGAN,
    **chosen,
):
    """Serve models over TensorFlow Serving's gRPC and REST API until interrupted."""
    sources = {"FOLDER": folder, "--model_base_path": model_base_path, "--model_config_file": model_config_file}
    given = [name for name, value in sources.items() if value is not None]
    if len(given) != 1:
        got = " and ".join(given) or "none"
        raise typer.BadParameter(f"expected one of FOLDER, --model_base_path PATH, --model_config_file FILE; got {got}")
    if rest_api_port is not None and _is_given(context, "rest_port"):
        raise typer.BadParameter("give --rest-port or --rest_api_port, not both")
    if model_config_file is not None and model_name is not None:
        raise typer.BadParameter("--model_name: the models.config names the models; expected it without that flag")
    _check_batching(context.params)
    if backend is Backend.TENSORFLOW_MODEL_SERVER:
        from kerasgan.cli import tensorflow_model_server

        given = {name: value for name, value in context.params.items() if _is_given(context, name)}
        tensorflow_model_server.run(given)
    where = _chosen(options.ServerOptions, chosen, rest_port=_rest_port(context))
    tf_runtime.import_tensorflow()
    from kerasgan import server
    from kerasgan.server import collecting
    from kerasgan.server.config import models_config, monitoring

    _log_to_standard_error()
    _warn_of_flags_without_effect(context)
    if monitoring_config_file is not None:
        where = dataclasses.replace(where, metrics_path=monitoring.read_metrics_path(monitoring_config_file))
    how = _chosen(
        options.ModelOptions,
        chosen,
        intra_op_threads=tensorflow_intra_op_parallelism or tensorflow_session_parallelism,
        inter_op_threads=tensorflow_inter_op_parallelism or tensorflow_session_parallelism,
        batching=_batching(enable_batching, batching_parameters_file),
        batching_per_model=enable_per_model_batching_parameters,
    )
    when = _chosen(options.WatchOptions, chosen)
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


def _check_batching(given):
    """Raise `typer.BadParameter` for a flag that means nothing without batching."""
    if given["enable_batching"]:
        return
    for flag, value in (
        ("--batching_parameters_file", given["batching_parameters_file"]),
        ("--enable_per_model_batching_parameters", given["enable_per_model_batching_parameters"] or None),
        ("--request-core", given["request_core"]),
    ):
        if value is not None:
            raise typer.BadParameter(f"{flag}: expected --enable_batching with it")


def _batching(is_enabled, file):
    """The `BatchingParameters`, or None."""
    from kerasgan.server.config import batching_parameters

    if file is not None:
        return batching_parameters.read_parameters(file)
    return batching_parameters.BatchingParameters() if is_enabled else None


def _rest_port(context):
    """REST's port: None for no REST; the default of nobody's choice where neither flag is given."""
    given = context.params
    if given["rest_api_port"] is not None:
        return given["rest_api_port"] or None
    return given["rest_port"] if _is_given(context, "rest_port") else options.ServerOptions.rest_port


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
