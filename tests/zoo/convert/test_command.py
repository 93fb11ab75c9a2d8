"""`kerasgan convert`, as a user runs it on a downloaded file."""

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from kerasgan.saving import presets, registry
from kerasgan.training import run_folder
from kerasgan.utils import checkpoint_tensors as tensor_files
from kerasgan.zoo.convert import biggan_pytorch
from tests.end_to_end.test_cli import command
from tests.zoo.convert.test_biggan_pytorch import part, recorded


@pytest.fixture(scope="module")
def state():
    return {name: np.ascontiguousarray(value) for name, value in part(recorded(32), "G").items()}


def test_a_safetensors_file_becomes_a_preset_that_samples_and_exports(tmp_path, state, monkeypatch, capsys):
    save_file(state, tmp_path / "G_ema.safetensors")
    preset = tmp_path / "biggan"
    status, out, err = command(monkeypatch, capsys, "convert", "biggan-pytorch", tmp_path / "G_ema.safetensors", preset)
    assert (status, err) == (0, "") and out == f"preset: {preset}\n"
    recording = recorded(32)
    sampler = run_folder.load_model(preset)
    images = sampler([recording["z"], recording["y"]]).numpy()
    np.testing.assert_allclose(images, recording["image"].transpose(0, 2, 3, 1), atol=1e-4)
    facts = json.loads((preset / "metadata.json").read_text())
    assert facts["num_classes"] == 10 and facts["latent"] == {"prior": "Normal", "dim": 80}
    assert facts["source"]["sha256"] in (preset / "README.md").read_text()
    assert sorted(path.name for path in preset.iterdir()) == [
        "README.md",
        "config.json",
        "metadata.json",
        "model.weights.h5",
    ]
    status, _, err = command(monkeypatch, capsys, "convert", "biggan-pytorch", tmp_path / "none.pth", preset)
    assert status == 1 and err == (
        f"error: folder: {preset} exists; choose another path, or say overwrite=True (--overwrite)\n"
    )


def test_a_file_that_is_another_than_published_is_not_read(tmp_path, monkeypatch, capsys):
    path = tmp_path / "G_ema.pth"
    path.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()

    def convert(given):
        return command(monkeypatch, capsys, "convert", "biggan-pytorch", path, tmp_path / "biggan", "--sha256", given)

    read = []
    monkeypatch.setattr(tensor_files, "read", lambda path: read.append(path) or {})
    status, out, err = convert("0" * 64)
    assert (status, out) == (1, "")
    assert err == f"error: {path}: not the file that was published: expected SHA-256 {'0' * 64}; it is {digest}\n"
    status, _, err = convert(digest[:-1])
    assert status == 1 and err == f"error: --sha256: expected 64 hexadecimal digits; got '{digest[:-1]}'\n"
    assert not read
    status, _, err = convert(digest.upper())
    assert read == [path] and status == 1 and "expected SHA-256" not in err  # it holds no tensors
    assert not (tmp_path / "biggan").exists()


def test_a_published_checksum_is_in_the_command(tmp_path, monkeypatch, capsys):
    given = {"layout": "biggan-pytorch", "file": "G_ema.pth", "url": "https://example.com/G_ema.pth"}
    entry = {
        "summary": "Big.",
        "data": {"name": "imagenet2012", "licence": "its own"},
        "image_shape": [128, 128, 3],
        "parameters": 1,
        "convert": {**given, "size": 2_097_152, "sha256": "0a" * 32},
    }
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    path = tmp_path / "registry.json"
    path.write_text(json.dumps({"format": 1, "presets": {"big": entry}}))
    status, out, _ = command(monkeypatch, capsys, "zoo", "info", "big")
    assert status == 0 and out.splitlines()[2:] == [
        "to convert:",
        "  curl -L -o G_ema.pth https://example.com/G_ema.pth  # 2,097,152 bytes",
        f"  kerasgan convert biggan-pytorch G_ema.pth big --sha256 {'0a' * 32}",
    ]
    assert registry.text(registry.load()).count("0a" * 32) == 1
    for key, value in (("sha256", "0A" * 32), ("sha256", "0a"), ("size", 0)):
        path.write_text(json.dumps({"format": 1, "presets": {"big": {**entry, "convert": {**given, key: value}}}}))
        status, _, err = command(monkeypatch, capsys, "zoo", "info", "big")
        assert status == 1 and f"big: convert.{key}: " in err


@pytest.mark.parity
def test_a_file_of_pytorch_is_read_without_running_it(tmp_path, state):
    import torch

    tensors = {name: torch.from_numpy(value) for name, value in state.items()}
    torch.save(tensors, tmp_path / "G_ema.pth")
    read = tensor_files.read(tmp_path / "G_ema.pth")
    assert read.keys() == state.keys()
    np.testing.assert_array_equal(biggan_pytorch.StateDict(read, "it").take("shared.weight"), state["shared.weight"])

    class Harmful:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    torch.save({"weight": Harmful()}, tmp_path / "harmful.pth")
    with pytest.raises(ValueError, match="harmful.pth: not a readable file of tensors"):
        tensor_files.read(tmp_path / "harmful.pth")
    assert not (tmp_path / "written").exists()
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ValueError, match="list.pt: expected tensors by name"):
        tensor_files.read(tmp_path / "list.pt")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("weights.h5", b"", "expected a file named .safetensors, .pth, .pt, .bin; got .h5"),
        ("absent.pth", None, "no such file"),
        ("broken.safetensors", b"not tensors", "not a readable file of tensors"),
    ],
)
def test_bad_files_end_in_one_line_and_leave_nothing(tmp_path, monkeypatch, capsys, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    status, out, err = command(monkeypatch, capsys, "convert", "biggan-pytorch", tmp_path / name, tmp_path / "preset")
    assert status == 1 and out == "" and said in err and err.count("\n") == 1
    assert not (tmp_path / "preset").exists() and not list(tmp_path.glob(".tmp*"))


def test_a_damaged_preset_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a preset, a folder with config.json and model.weights.h5"):
        presets.load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.weights.h5").write_bytes(b"")
    with pytest.raises(ValueError, match="not a readable preset"):
        presets.load(tmp_path)
