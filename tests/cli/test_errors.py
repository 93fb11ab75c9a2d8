"""Errors of the commands name an argument as it was typed, before any work."""

import socket
import sys
import time

import pytest

from kerasgan.cli import app
from kerasgan.client import query
from kerasgan.utils import messages


@pytest.fixture
def told(monkeypatch, capsys, tmp_path):
    """Return a function that runs `kerasgan ARGUMENTS`, which must fail, and returns what it says."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "lines.txt").write_text("a line\n")
    (tmp_path / "pictures.npz").write_text("no zip\n")

    def run(*arguments, main=app.main):
        monkeypatch.setattr(sys, "argv", ["kerasgan", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code
        return " ".join(capsys.readouterr().err.replace("\u2502", " ").split())

    return run


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train --data empty", "error: --data: no images in empty; expected .png"),
        ("train --data pictures.npz", "error: --data: pictures.npz is no readable .npz file: expected the ZIP archive"),
        ("train --data lines.txt", "error: --data: expected a folder of pictures or an .npz file"),
        ("train sgan_fashion_mnist --data no.npz", "error: --data: no file at no.npz"),
        ("train sgan_fashion_mnist --data empty --dry-run", "error: --data: no images in empty"),
        ("train nosuch", "error: no such recipe: nosuch; those of the zoo are in "),
        ("sample empty", "error: empty: expected a run folder, with a recipe.yaml in it, or a preset's"),
        ("sample hf://nosuch", "error: address: expected hf://user/repo"),
        ("sample sgan_fashion_mnist -n 1 --to-seed 3 --labels 1", "error: -n: expected an integer of at least 2"),
        (
            "sample sgan_fashion_mnist --out lines.txt/a.png",
            "cannot write lines.txt/a.png: Not a directory, but a file: lines.txt",
        ),
        ("sample sgan_fashion_mnist --out pictures", "error: --out: expected a picture or a folder; got pictures,"),
        ("train --resume nosuch", "error: --resume: expected a run folder, with a recipe.yaml in it; got nosuch"),
        ("export nosuch empty", "error: out: expected a folder named by a version, such as empty/1; got empty"),
        ("export nosuch a.onnx --format keras", "error: out: expected a path ending in .keras; got 'a.onnx'"),
        ("evaluate empty empty", "error: models: no images in empty"),
        ("statistics empty out.npz", "error: data: no images in empty"),
        ("study low-data --data empty", "error: --data: no images in empty"),
        ("study toy --data nosuch", "error: --data: expected one of eight_gaussians"),
        ("study calibration --real empty", "error: --real: expected train and test in empty, folders or .npz files"),
        ("study cifar10-classifier --real empty", "error: --real: expected train and test in empty"),
        ("study deligan --out lines.txt", "Invalid value for '--out'"),
        ("zoo pull empty", "error: empty: expected a preset, a folder with metadata.json"),
        ("query garments --seeds x", "error: --seeds: expected ranges such as 0-15,40"),
        ("query garments --out a.tiff", "error: --out: expected a picture of .png"),
        ("query garments --server https://localhost:1 --ca-file no.pem", "error: --ca-file: cannot read no.pem"),
        ("serve empty --port 99999", "error: --port: expected a port from 0 to 65535; got 99999"),
        ("serve empty --port 9 --rest-port 9", "error: --port: expected another than REST's; got 9 for both"),
        ("serve empty --request-core 4096 --enable_batching", "error: --request-core: expected one of ["),
        ("serve empty --poll-seconds inf", "error: --file_system_poll_wait_seconds: expected seconds from 0 to"),
        (
            "serve empty --grpc_channel_arguments a=2147483648",
            "error: --grpc_channel_arguments: expected a of 32 bits; got 2147483648",
        ),
        ("serve empty", "A run or a preset is exported first: kerasgan export MODEL models/NAME/1"),
    ],
)
def test_the_argument_is_named_as_it_was_typed(told, tmp_path, line, message):
    (tmp_path / "pictures").touch()
    before = sorted(tmp_path.rglob("*"))
    assert message in told(*line.split())
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_query_says_how_to_start_a_server(told, scheme):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        server = f"{scheme}127.0.0.1:{closed.getsockname()[1]}"
        began = time.monotonic()
        said = told("query", "garments", "--server", server, "--timeout", "1.5")
    assert said.startswith(f"waiting for {server}, at most 1.5 s error: --server: no server answers at {server}")
    assert said.endswith("`kerasgan serve FOLDER` starts a server")
    assert time.monotonic() - began < 8


def test_query_alone_names_its_flags_too(told):
    assert told("garments", "--server", "https://localhost:1", "--ca-file", "no", main=query.main).startswith(
        "error: --ca-file: cannot read no"
    )


def test_other_errors_stay_as_they_are():
    for error in (ValueError("split: none"), OSError(2, "gone"), ConnectionError("s3://a: cannot be read")):
        with pytest.raises(type(error)) as raised, messages.renamed("data"):
            raise error
        assert raised.value is error
