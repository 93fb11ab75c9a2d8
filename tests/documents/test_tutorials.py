"""The tutorials and the how-tos, as a reader follows them: their commands and examples run one after the other.

Trainings are shorter than printed, which `SHORTER` says; all else is as it stands.
"""

import pathlib
import re
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan.utils import precision
from tests.distribute import workers
from tests.documents import pages

SHORTER = {
    "--steps 3000": "--steps 4 --set train.checkpoint_every=4",
    "--steps 4000": "--steps 6",
    "study low-data --data pictures --steps 3000": "study low-data --data pictures --steps 2 --n 20 --filters 4",
    "-n 2000": "-n 40",
    "--n 1000": "--n 40",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with two folders of 24 pictures each, in which the test works."""
    rng = np.random.default_rng(0)
    for name, count in (("boots", 60), ("coats", 60)):
        for index in range(count):
            path = tmp_path / "pictures" / name / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (32, 32), np.uint8)).save(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path


def steps(page):
    """The commands and the Python examples of a page in order, as pairs of language and code."""
    found = re.findall(r"^```(bash|python)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert found
    for language, code in found:
        if language == "bash":
            yield from (("bash", line) for line in code.splitlines())
        else:
            yield language, code


def follow(page, folder, **names):
    """Do all that a page says; returns what the commands said, and the names of its Python."""
    said = []
    keras.utils.set_random_seed(0)
    for language, code in steps(page):
        if language == "python":
            exec(compile(code, "the page", "exec"), names)
        else:
            said.append(pages.shell(shorter(code), folder))
    return said, names


def shorter(line):
    """A command with a shorter training."""
    for long in sorted(SHORTER, key=len, reverse=True):
        if long in line:
            return line.replace(long, SHORTER[long])
    return line


@pytest.mark.slow
def test_conditional(folder):
    said, names = follow(pages.text("tutorials/conditional.md"), folder)
    assert "intra-fd[garments]" in said[-1] and "mean over 2 classes" in said[-1]
    assert names["gan"].class_names == ("boots", "coats")
    assert len({image.tobytes() for image in names["classes"]}) == 10  # one latent, ten classes
    assert kerasgan.load("two_classes.keras").num_classes == 2
    names["ac_gan"].compile()
    assert "accuracy" in names["ac_gan"].fit(names["data"], epochs=1, verbose=0).history


@pytest.mark.slow
def test_few_pictures(folder):
    follow(pages.text("tutorials/few_pictures.md"), folder)
    recipes = [(run / "recipe.yaml").read_text() for run in sorted((folder / "runs").iterdir())]
    found = [
        [name for name in ("DiffAugment", "AdaptiveAugmentation", "GaussianMixture") if name in r] for r in recipes
    ]
    assert found == [["DiffAugment"], ["AdaptiveAugmentation"], ["DiffAugment", "GaussianMixture"]]
    assert (folder / "studies" / "low-data" / "result.json").is_file()


@pytest.mark.slow
def test_many_devices(folder):
    page = pages.text("tutorials/many_devices.md")
    for name, content in pages.files(page).items():
        (folder / name).write_text(content)
    gan = kerasgan.SGAN(
        kerasgan.networks.dcgan.generator((32, 32, 1), filters=4),
        kerasgan.networks.dcgan.critic((32, 32, 1), filters=4),
    )
    _, names = follow(page, folder, gan=gan)
    assert gan.gradient_accumulation_steps == 4
    assert names["taken"] == precision.chosen("auto") and names["gan"].compiled
    assert int(kerasgan.load("model.keras").step.numpy()) > 0


@pytest.mark.slow
def test_two_workers(folder):
    """The script of docs/scaling.md, in two processes."""
    [script] = pages.blocks(pages.section(pages.text("scaling.md"), "In a script"), "python")
    (folder / "worker.py").write_text(script)
    line = [sys.executable, "worker.py"]
    told = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    processes = [
        subprocess.Popen(line, cwd=folder, env=environment | {"PYTHONPATH": str(pages.ROOT)}, **told)
        for environment in workers.environments(2)
    ]
    for status, said in workers.ended(processes):
        assert status == 0, said[-3000:]
    [kept] = (folder / "shared" / "checkpoints").iterdir()
    assert int(kerasgan.load(kept).step.numpy()) == 10  # an epoch is one whole batch of the 120 pictures


@pytest.mark.slow
def test_serving(folder):
    page = pages.text("tutorials/serving.md")
    parts = {heading: pages.section(page, heading) for heading in ("1. Export", "3. Ask", "A new version")}
    follow(parts["1. Export"], folder)
    [serve] = [line for line in pages.blocks(pages.section(page, "2. Serve"), "") if line.startswith("kerasgan")]
    serve = [sys.executable, "-m", *serve.split(), "--port", "0", "--rest-port", "0"]  # free ones
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        try:
            grpc, rest = re.search(r"gRPC (\S+)  REST http://(\S+)", server.stdout.readline()).groups()
            ports = {
                "127.0.0.1:8500": grpc,
                "localhost:8501": rest,
                "query garments": f"query garments --server {grpc}",
            }
            for printed, here in ports.items():
                assert printed in parts["3. Ask"]
                parts["3. Ask"] = parts["3. Ask"].replace(printed, here)
            _, names = follow(parts["3. Ask"], folder)
            gan = kerasgan.from_preset("biggan_fashion_mnist")
            close(names["images"], gan.sample(2, seed=7, labels=["Bag", "Coat"], truncation=1.5))
            boot = np.asarray(Image.open("boot.png"))[None, :, :, None]
            close(boot, gan.sample(1, seed=7, labels="Ankle boot", truncation=1.5))
            assert Image.open("walk.gif").n_frames == 24 and pathlib.Path("boots.png").is_file()
            follow(parts["A new version"], folder)
            second = kerasgan.from_preset("sgan_fashion_mnist").sample(1, seed=7, labels=[0])
            for _ in range(100):
                with kerasgan.client.connect(grpc, model="garments") as garments:
                    served = garments.generate(seed=7, labels=[0])
                if np.abs(served.astype(int) - second).max() <= 1:
                    return
                time.sleep(0.2)
            raise AssertionError("the new version was not served")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=60)


def close(images, others):
    assert np.abs(images.astype(int) - others).max() <= 1


@pytest.mark.slow
def test_how_to(folder):
    pages.shell("kerasgan train --data pictures --steps 4 --set train.checkpoint_every=4", folder)
    (folder / "generated").mkdir()
    rng = np.random.default_rng(1)
    for index in range(24):
        Image.fromarray(rng.integers(0, 256, (32, 32), np.uint8)).save(folder / "generated" / f"{index}.png")
    images, labels = rng.integers(0, 256, (640, 32, 32, 1), np.uint8), np.arange(640) % 10
    said, names = follow(pages.text("how_to.md"), folder, images=images, labels=labels)
    runs = sorted((folder / "runs").iterdir())
    assert [run.name for run in runs] == [f"0000{i}-own_pictures" for i in range(3)]
    assert (runs[0] / "checkpoints" / "step-00000006.keras").is_file()
    assert "ema_decay: 0.99\n" in (runs[1] / "recipe.yaml").read_text()
    assert "beta_1: 0.0\n" in (runs[2] / "recipe.yaml").read_text()
    assert any("fd[garments]" in text and "24" in text for text in said)
    assert (
        Image.open("walk.gif").n_frames == 48 and Image.open("there_and_back.gif").n_frames == 47
    )  # Pillow joins the two alike
    assert names["best"].image_shape == (32, 32, 1) and list(pathlib.Path("guard").iterdir())


def test_pages_are_in_the_navigation():
    """Every page of docs/ has its place on the site."""
    navigation = (pages.ROOT / "mkdocs.yml").read_text()
    found = [path.relative_to(pages.ROOT / "docs").as_posix() for path in (pages.ROOT / "docs").rglob("*.md")]
    assert not [name for name in found if f" {name}\n" not in navigation]
