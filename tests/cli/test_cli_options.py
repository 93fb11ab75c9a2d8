"""What comes before the command: versions, help, completion, TensorFlow's messages, devices."""

import os
import platform
import re
import subprocess
import sys

import pytest
from typer import testing

from kerasgan.cli import app
from kerasgan.utils import tf_runtime


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    monkeypatch.setattr(tf_runtime, "_chosen", dict(tf_runtime._chosen))


def kerasgan(*arguments):
    return testing.CliRunner().invoke(app.app, arguments)


def test_versions():
    done = kerasgan("--version")
    assert re.fullmatch(r"kerasgan \S+, keras 3\.\S+, tensorflow 2\.\S+, Python 3\.\S+\n", done.stdout)


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="oneDNN is for x86 processors")
@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_commands_compute_with_onednn(before, after, monkeypatch):
    """TensorFlow leaves it off on processors without AVX-512."""
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")  # so that it is as it was afterwards
    if before is None:
        monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    tf_runtime.import_tensorflow()
    assert os.environ["TF_ENABLE_ONEDNN_OPTS"] == after


@pytest.mark.parametrize("command", [[], ["sample"], ["serve"], ["zoo"], ["zoo", "list"], ["study"]])
def test_help_has_a_short_name(command):
    short, long = kerasgan(*command, "-h"), kerasgan(*command, "--help")
    assert short.exit_code == 0 and "Usage" in short.stdout and short.stdout == long.stdout


def test_shells_complete_commands():
    asked = {"_KERASGAN_COMPLETE": "complete_bash", "COMP_WORDS": "kerasgan sam", "COMP_CWORD": "1"}
    line = [
        sys.executable,
        "-c",
        "import sys; sys.argv = ['kerasgan']; from kerasgan.cli import app; app.app(prog_name='kerasgan')",
    ]
    done = subprocess.run(line, capture_output=True, text=True, env=os.environ | asked)
    assert done.stdout == "sample\n"


@pytest.mark.parametrize(("level", "said", "lines"), [("QUIET", "0", False), ("INFO", "3", True)])
def test_tensorflow_says_what_is_asked_for_whatever_the_environment_says(level, said, lines):
    code = (
        "from kerasgan.utils import tf_runtime as runtime; "
        f"runtime.choose(runtime.LogLevel.{level}, 'CPU'); runtime.import_tensorflow(); "
        "import tensorflow as tf; tf.constant(1); print(tf.config.get_visible_devices('GPU'))"
    )
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": said}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, bool(done.stderr)) == (0, "[]\n", lines)


@pytest.mark.parametrize("device", ["xpu", "gpu:", "gpu:-1", "cpu:0:1", ""])
def test_a_device_that_is_none_is_named(device):
    error = kerasgan("--device", device, "zoo", "list").exception
    assert isinstance(error, ValueError)
    assert re.match(f"--device: expected cpu, gpu, .*; got '{device}'", str(error))


def test_a_device_that_is_not_there_is_named():
    tf_runtime.choose(device="gpu:99")
    with pytest.raises(ValueError, match=r"^--device: expected .* devices; got gpu:99, and TensorFlow finds \d+ GPUs"):
        tf_runtime.import_tensorflow()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--import", "my_gans", "--device", "cpu", "zoo", "list"],
        ["zoo", "list", "--import", "my_gans", "--device=cpu"],
        ["--device", "cpu", "zoo", "--import=my_gans", "list"],
    ],
)
def test_common_options_may_come_before_or_after_the_command(monkeypatch, arguments):
    chosen = []
    monkeypatch.setattr(tf_runtime, "choose", lambda *given: chosen.append(given))
    result = kerasgan(*arguments)
    assert result.exit_code == 0, result.output
    assert chosen == [(tf_runtime.LogLevel.QUIET, "cpu", ["my_gans"])]


def test_an_option_without_its_value_is_named():
    result = kerasgan("zoo", "list", "--device")
    assert result.exit_code == 2
    assert "--device" in result.output and "requires an argument" in " ".join(re.findall(r"[\w-]+", result.output))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sgan_fashion_mnist", "--resume", "runs/0"], "expected a recipe or --resume; got both, sgan_fashion_mnist"),
        (
            ["--resume", "runs/0", "--set", "train.seed=3"],
            "--set: expected with a recipe, as a run goes on",
        ),
        (["--resume", "runs/0", "--dry-run"], "--dry-run: expected with a recipe"),
        ([], "give a recipe, --resume RUN, or --data PATH"),
    ],
)
def test_train_names_the_flag_that_does_not_go_with_a_run(arguments, message):
    result = kerasgan("train", *arguments)
    assert result.exit_code == 2
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())
    assert message in said, said


def test_a_home_folder_after_an_equals_sign_is_the_users(monkeypatch):
    """Shells put it in place where ~ begins a word, and leave --out=~/runs alone."""
    monkeypatch.setenv("HOME", "/home/me")
    assert app._with_home("--out=~/runs") == "--out=/home/me/runs"
    assert [app._with_home(word) for word in ("--set=a=~", "~/x", "--out", "a=~/b")] == [
        "--set=a=~",
        "~/x",
        "--out",
        "a=~/b",
    ]


def test_a_run_that_goes_on_takes_no_folder_of_runs():
    for arguments in (["--resume", "r", "--out", "o"], ["sgan_fashion_mnist", "--run", "r", "--out", "o"]):
        done = kerasgan("train", *arguments)
        assert done.exit_code == 2 and "--out: expected" in done.output


@pytest.mark.parametrize(
    ("arguments", "got"), [([], "none"), (["models", "--model_base_path=m"], "FOLDER and --model_base_path")]
)
def test_serve_says_which_of_its_folders_were_given(arguments, got):
    done = kerasgan("serve", *arguments)
    assert done.exit_code == 2 and f"got {got}" in " ".join(re.sub("[│╭╮╰╯─]", " ", done.output).split())
