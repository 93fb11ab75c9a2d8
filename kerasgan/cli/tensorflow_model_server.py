"""Running `tensorflow_model_server` itself, with the flags of `kerasgan serve`."""

import os
import pathlib
import shutil
import tempfile

PROGRAM = "tensorflow_model_server"

_WHOLE_SECONDS = ("file_system_poll_wait_seconds", "model_config_file_poll_wait_seconds")
_OURS = {"host", "backend", "folder", "rest_port"}
_UNKNOWN_THERE = {
    "access_log": "--access-log",
    "max_request_bytes": "--max-request-bytes",
    "max_rows": "--max-rows",
    "max_output_bytes": "--max-output-bytes",
    "max_requests": "--max-requests",
    "allowed_hosts": "--allowed-hosts",
    "reload_requests": "--reload-requests",
    "max_streams": "--max-streams",
    "request_core": "--request-core",
    "drain_seconds": "--drain-seconds",
}


def run(given):
    """Replace this process by `tensorflow_model_server`; does not return.

    Args:
        given: `{parameter of kerasgan.cli.serve.serve: value}` of the flags that were given.

    Raises:
        FileNotFoundError: if there is no such program on the PATH.
        ValueError: if it cannot do what a flag asks for; it names the flag.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise FileNotFoundError(f"--backend {PROGRAM}: no such program on the PATH")
    os.execv(program, [PROGRAM, *arguments(given)])


def arguments(given):
    """The flags in the words of `tensorflow_model_server`; a folder of models becomes a models.config.

    Args:
        given: as for `run`.

    Returns:
        List of `--flag=value`.

    Raises:
        ValueError: if it cannot do what a flag asks for; it names the flag.
    """
    for name, flag in _UNKNOWN_THERE.items():
        if name in given:
            raise ValueError(f"{flag}: {PROGRAM} has no such flag")
    for name in _WHOLE_SECONDS:
        if given.get(name, 0) % 1:
            raise ValueError(f"--{name}: {PROGRAM} expects whole seconds; got {given[name]:g}")
    if given.get("host") != "0.0.0.0":
        raise ValueError(f"--backend {PROGRAM} listens on all addresses; agree with --host 0.0.0.0")
    if 0 in (given.get("port"), given.get("rest_port")):
        raise ValueError(f"{PROGRAM} does not choose free ports; give a port other than 0")
    flags = {name: value for name, value in given.items() if name not in _OURS}
    flags.setdefault("port", 8500)
    flags.setdefault("rest_api_port", given.get("rest_port", 8501))
    if "folder" in given:
        flags |= _models_of(given["folder"], flags.pop("model_name", None))
    for name in ("model_base_path", "model_config_file"):
        if name in flags:
            flags[name] = pathlib.Path(flags[name]).absolute()
    return [f"--{name}={_text(value)}" for name, value in flags.items()]


def _text(value):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _models_of(folder, model_name):
    """Flags for the models in a folder as `kerasgan.server.find_models` finds them."""
    from kerasgan.utils import tf_runtime

    tf_runtime.import_tensorflow()
    from google.protobuf import text_format

    from kerasgan.server import find_models
    from kerasgan.server.config import models_config

    models = find_models(folder, model_name)
    bases = {name: next(iter(versions.values())).absolute().parent for name, versions in models.items()}
    if len(bases) == 1:
        [(name, base)] = bases.items()
        return {"model_name": name, "model_base_path": base}
    configs = models_config.models_config(bases)
    file = pathlib.Path(tempfile.mkdtemp(prefix="kerasgan-")) / "models.config"
    file.write_text(text_format.MessageToString(configs))
    return {"model_config_file": file}
