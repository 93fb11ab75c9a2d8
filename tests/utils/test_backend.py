"""Keras set to another backend: one line that names KERAS_BACKEND."""

import os
import subprocess
import sys

import pytest

SAID = "needs Keras with TensorFlow, and KERAS_BACKEND (or ~/.keras/keras.json) says 'jax': unset it, or set"


def run(*arguments, backend="jax"):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("name", ["SGAN", "objectives", "metrics", "training"])
def test_names_that_need_tensorflow_say_so(name):
    done = run("-c", f"import kerasgan; kerasgan.{name}")
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(f"ImportError: kerasgan.{name} {SAID}")


def test_the_command_says_so_in_one_line():
    done = run("-m", "kerasgan", "sample", "sgan_fashion_mnist")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1) and done.stderr.startswith(f"error: kerasgan {SAID}")


@pytest.mark.parametrize("code", ["import kerasgan.client, kerasgan.pictures", "import kerasgan.cli.app"])
def test_what_needs_no_keras_goes_on(code):
    assert run("-c", code).returncode == 0
    assert run("-c", f"{code}; kerasgan.networks", backend="").returncode == 0
