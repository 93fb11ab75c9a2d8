"""The flags of `kerasgan serve`."""

import os
import pathlib
import stat
import subprocess
import sys

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2
from typer.testing import CliRunner

from kerasgan import server
from kerasgan.cli import app, tensorflow_model_server
from kerasgan.server import BatchingParameters, ModelOptions, ServerOptions, WatchOptions, request_log
from kerasgan.server.config.options import DefaultPort

ROOT = pathlib.Path(__file__).parents[2]


class _Captured(Exception):
    pass


@pytest.fixture
def chosen(monkeypatch):
    """Function of arguments -> what the command would serve, and with which options."""

    def serve(*arguments):
        raise _Captured(arguments)

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr(server, "serve_config", serve)

    def run(*arguments):
        result = CliRunner().invoke(app.app, ["serve", *map(str, arguments)])
        assert isinstance(result.exception, _Captured), result.output
        return result.exception.args[0]

    return run


def refused(*arguments):
    """What the command prints when it refuses its arguments, in one line."""
    result = CliRunner().invoke(app.app, ["serve", *map(str, arguments)])
    assert result.exit_code == 2, (result.output, result.exception)
    return " ".join(result.output.replace("│", " ").split())


def test_the_defaults_of_the_command_are_those_of_the_library(chosen):
    assert chosen("models") == (pathlib.Path("models"), ServerOptions(), ModelOptions(), WatchOptions(), None)


def test_flags_of_tensorflow_model_server(chosen, tmp_path):
    (tmp_path / "batching.txt").write_text("max_batch_size { value: 32 }")
    (tmp_path / "monitoring.config").write_text('prometheus_config { enable: true path: "/m" }')
    config, where, how, when = chosen(
        "--model_base_path=/models/garments",
        "--model_name=garments",
        "--port=9000",
        "--rest_api_port=9001",
        "--rest_api_num_threads=3",
        "--rest_api_timeout_in_ms=1500",
        "--rest_api_enable_cors_support=true",
        "--grpc_max_threads=5",
        "--grpc_socket_path=/tmp/s",
        "--grpc_channel_arguments=grpc.max_connection_age_ms=2000,grpc.x=y",
        "--ssl_config_file=ssl.config",
        "--enable_batching=true",
        f"--batching_parameters_file={tmp_path / 'batching.txt'}",
        "--enable_per_model_batching_parameters=true",
        f"--monitoring_config_file={tmp_path / 'monitoring.config'}",
        "--enable_grpc_healthcheck_service=true",
        "--enable_serialization_as_tensor_content=true",
        "--allow_version_labels_for_unavailable_models=true",
        "--file_system_poll_wait_seconds=2",
        "--model_config_file_poll_wait_seconds=60",
        "--tensorflow_session_parallelism=2",
        "--tensorflow_inter_op_parallelism=1",
        "--per_process_gpu_memory_fraction=0.5",
        "--mixed_precision=bfloat16",
        "--saved_model_tags=serve,gpu",
        "--enable_model_warmup=false",
        "--num_load_threads=4",
        "--max_num_load_retries=1",
        "--load_retry_interval_micros=500000",
    )
    [model] = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("garments", "/models/garments", "tensorflow")
    assert where == ServerOptions(
        port=9000,
        rest_port=9001,
        rest_threads=3,
        rest_timeout_seconds=1.5,
        cors=True,
        grpc_threads=5,
        grpc_socket_path="/tmp/s",
        grpc_arguments=(("grpc.max_connection_age_ms", 2000), ("grpc.x", "y")),
        ssl_config_file=pathlib.Path("ssl.config"),
        metrics_path="/m",
        tensor_content=True,
        health_checks=True,
    )
    assert how == ModelOptions(
        tags=("serve", "gpu"),
        intra_op_threads=2,
        inter_op_threads=1,
        gpu_memory_fraction=0.5,
        mixed_precision="bfloat16",
        warmup=False,
        load_threads=4,
        load_retries=1,
        load_retry_seconds=0.5,
        batching=BatchingParameters(max_batch_size=32),
        batching_per_model=True,
    )
    assert when == WatchOptions(2.0, 60.0, True)


def test_a_base_path_alone_is_the_model_default(chosen, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [model] = chosen("--model_base_path", "models/garments")[0].model_config_list.config
    assert (model.name, model.base_path) == ("default", str(tmp_path / "models" / "garments"))


def test_flags_of_ours(chosen):
    _, where, how, _, _ = chosen(
        "models",
        "--host",
        "::1",
        "--access-log",
        "-",
        "--max-request-bytes",
        9,
        "--max-requests",
        8,
        "--max-rows",
        7,
        "--max-streams",
        6,
    )
    assert where == ServerOptions(host="::1", access_log="-", max_request_bytes=9, max_requests=8, max_streams=6)
    assert how == ModelOptions(max_rows=7)


def test_flags_of_what_callers_may_do(chosen):
    where, how = chosen("models", "--allowed-hosts=a.b,c", "--no-reload-requests", "--max-output-bytes=7")[1:3]
    assert where == ServerOptions(allowed_hosts=("a.b", "c"), reload_requests=False)
    assert how == ModelOptions(max_output_bytes=7)


def test_a_rest_port_that_was_asked_for_is_told_from_the_default(chosen):
    """The default is not opened where gRPC asks clients for certificates."""
    assert isinstance(chosen("models")[1].rest_port, DefaultPort)
    for flag in ("--rest-port=8501", "--rest_api_port=8501"):
        port = chosen("models", flag)[1].rest_port
        assert port == 8501 and not isinstance(port, DefaultPort)


def test_spaces_in_lists_are_no_part_of_names(chosen):
    where = chosen("models", "--allowed-hosts=a.b, c", "--grpc_channel_arguments=grpc.a=1, grpc.b=2")[1]
    assert where.allowed_hosts == ("a.b", "c") and where.grpc_arguments == (("grpc.a", 1), ("grpc.b", 2))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["models", "--rest_api_port=0", "--allowed-hosts=a"], "--allowed-hosts has no effect without REST"),
        (["models", "--rest_api_port=0", "--cors"], "--rest_api_enable_cors_support has no effect without REST"),
        (["models", "--config-poll-seconds=1"], "--model_config_file_poll_wait_seconds has no effect without --model_"),
        (["models", "--rest_api_port=0", "--port=1", "--max-rows=1"], None),
        (["models", "--rest-port=0", "--cors", "--allowed-hosts=a"], None),
        (["--model_config_file=x", "--config-poll-seconds=1"], None),
    ],
)
def test_flags_without_effect_are_told(chosen, caplog, arguments, words):
    chosen(*arguments)
    assert [words in message for message in caplog.messages] == [True] if words else caplog.messages == []


def test_the_core_of_requests(chosen):
    core = max(os.sched_getaffinity(0))
    assert chosen("models", "--enable_batching", "--request-core", core)[1] == ServerOptions(request_core=core)


@pytest.mark.parametrize(
    "flag, expected",
    [
        ("--enable_batching", True),
        ("--enable_batching=true", True),
        ("--enable-batching=TRUE", True),
        ("--enable_batching=1", True),
        ("--enable_batching=false", False),
        ("--enable_batching=0", False),
        ("--noenable_batching", False),
        ("--noenable_batching=false", True),
    ],
)
def test_switches_are_written_as_for_tensorflow_model_server(chosen, flag, expected):
    how = chosen(flag, "models")[2]  # and the folder after it is not taken for its value
    assert (how.batching is not None) == expected


def test_rest_can_be_left_out_or_given_any_port(chosen):
    assert chosen("models", "--rest_api_port=0")[1].rest_port is None
    assert chosen("models", "--rest-api-port=0")[1].rest_port is None
    assert chosen("models", "--rest-port=0")[1].rest_port == 0


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["models", "--enable_batchin"], "No such option: --enable_batchin"),
        (["models", "--enable_batchin=true"], "--enable_batching"),  # suggested
        (["models", "--flush_filesystem_caches=true"], "No such option: --flush_filesystem_caches"),
        (["models", "--enable_batching=maybe"], "--enable_batching: expected true or false; got 'maybe'"),
        (["models", "--port=many"], "--port"),
        ([], "--model_config_file FILE; got none"),
        (["models", "--model_config_file", "x"], "--model_config_file FILE; got FOLDER and --model_config_file"),
        (["models", "--batching_parameters_file", "x"], "--batching_parameters_file: expected --enable_batching"),
        (["models", "--enable_per_model_batching_parameters"], "expected --enable_batching with it"),
        (["models", "--request-core=0"], "--request-core: expected --enable_batching with it"),
        (["models", "--rest-port=1", "--rest_api_port=2"], "--rest-port or --rest_api_port, not both"),
        (["--model_config_file=x", "--model_name=m"], "--model_name: the models.config names the models"),
        (["models", "--max-request-bytes=2147483648"], "--max-request-bytes"),
        (["models", "--mixed_precision=float16"], "--mixed_precision: expected bfloat16; got 'float16'"),
        (["models", "--grpc_channel_arguments=a"], "--grpc_channel_arguments: expected NAME=VALUE,...; got 'a'"),
    ],
)
def test_mistakes_are_named(arguments, words):
    assert words in refused(*arguments)


# ---------------------------------------------------------------- tensorflow_model_server


@pytest.fixture
def model_server(tmp_path, folders):
    """Function of arguments -> the finished command, with a `tensorflow_model_server` that prints its arguments."""
    program = tmp_path / "bin" / "tensorflow_model_server"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    for name, number in (("a", 3), ("b", 4)):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / str(number)).symlink_to(folders["two"])
    path = f"{program.parent}:{os.environ['PATH']}"

    def run(*arguments, path=path):
        line = [sys.executable, "-m", "kerasgan", "serve", "--backend", "tensorflow_model_server", *map(str, arguments)]
        environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
        return subprocess.run(line, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60)

    return run


def test_tensorflow_model_server_gets_the_same_flags_and_files(model_server, tmp_path):
    done = model_server(
        "--host=0.0.0.0",
        "--model_config_file=models.config",
        "--enable-batching=true",
        "--batching_parameters_file=batching.txt",
        "--rest_api_port=9001",
        "--file_system_poll_wait_seconds=5",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.split()) == {
        f"--model_config_file={tmp_path}/models.config",
        "--enable_batching=true",
        "--batching_parameters_file=batching.txt",
        "--port=8500",
        "--rest_api_port=9001",
        "--file_system_poll_wait_seconds=5",
    }


def test_tensorflow_model_server_gets_a_folder_of_models_as_a_config(model_server, tmp_path):
    done = model_server("models", "--host=0.0.0.0", "--rest-port=9001")
    flags = dict(word.split("=", 1) for word in done.stdout.split())
    assert flags.keys() == {"--model_config_file", "--port", "--rest_api_port"}
    text = pathlib.Path(flags["--model_config_file"]).read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    assert {model.name: model.base_path for model in config.model_config_list.config} == {
        "a": f"{tmp_path}/models/a",
        "b": f"{tmp_path}/models/b",
    }
    one = {"folder": tmp_path / "models" / "a", "model_name": "garments", "host": "0.0.0.0"}
    found = tensorflow_model_server.arguments(one)
    assert {f"--model_base_path={tmp_path}/models/a", "--model_name=garments"} <= set(found)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["models/a"], "agree with --host 0.0.0.0"),
        (["models/a", "--host=0.0.0.0", "--access-log=-"], "--access-log: tensorflow_model_server has no such flag"),
        (["models/a", "--host=0.0.0.0", "--rest-port=0"], "does not choose free ports"),
        (
            ["models/a", "--host=0.0.0.0", "--poll-seconds=0.5"],
            "--file_system_poll_wait_seconds: tensorflow_model_server expects whole seconds; got 0.5",
        ),
    ],
)
def test_what_tensorflow_model_server_cannot_do_is_named(model_server, arguments, words):
    done = model_server(*arguments)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and words in done.stderr
    assert done.stdout == ""


def test_without_tensorflow_model_server_the_error_says_so(model_server):
    done = model_server("models/a", "--host=0.0.0.0", path="/usr/bin:/bin")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: --backend tensorflow_model_server: no such program on the PATH\n"


def test_an_access_log_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="^access_log: cannot write .*none.a.log: No such file"):
        request_log.AccessLog(tmp_path / "none" / "a.log")
