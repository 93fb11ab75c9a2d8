"""Workers that measure and draw together find what one process finds."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from kerasgan.utils import workers as shares
from tests.distribute import workers

METRICS = "fid,kid,is,prdc,swd,intra-fid"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a conditional run of two steps, and its data."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    np.savez(folder / "data.npz", x=rng.integers(0, 256, (90, 32, 32, 1), "uint8"), y=np.arange(90) % 3)
    (folder / "recipe.yaml").write_text(f"""
name: tiny
data: {{arrays: {folder / "data.npz"}, image_size: 32, batch_size: 8, labels: true}}
latent: {{Normal: {{dim: 8}}}}
generator: {{dcgan.generator: {{filters: 4}}}}
critic: {{dcgan.critic: {{filters: 4}}}}
objective: {{SGAN: {{ema_decay: 0.9}}}}
generator_optimizer: {{SGD: {{learning_rate: 0.01}}}}
critic_optimizer: {{SGD: {{learning_rate: 0.01}}}}
train: {{steps: 2}}
""")
    one("train", folder / "recipe.yaml", "--run", folder / "run")
    return folder / "run"


def command(*arguments):
    return ["-m", "kerasgan", *arguments]


def one(*arguments):
    line = [sys.executable, *map(str, command(*arguments))]
    subprocess.run(line, check=True, cwd=workers.ROOT, timeout=300, capture_output=True)


def several(count, *arguments):
    ends = workers.ended(workers.start(count, lambda index: command(*arguments)), 300)
    for status, said in ends:
        assert status == 0, said[-3000:]
    return [said for _, said in ends]


@pytest.mark.slow
def test_evaluate_finds_the_numbers_of_one_process(run, tmp_path):
    given = ["evaluate", run, "--metrics", METRICS, "-n", 61, "--batch-size", 10, "--features", "garments"]
    one(*given, "--out", tmp_path / "one.json")
    said = several(2, *given, "--out", tmp_path / "two.json")
    assert "fd[garments]" in said[0] and "fd[garments]" not in said[1]
    found = [json.loads((tmp_path / f"{name}.json").read_text())["results"] for name in ("one", "two")]
    assert len(found[0]) == 9
    for alone, shared in zip(*found, strict=True):
        assert shared["name"] == alone["name"]
        assert shared["value"] == pytest.approx(alone["value"], rel=1e-4, abs=1e-6), alone["name"]
        alone["protocol"].pop("command"), shared["protocol"].pop("command")
        assert shared["protocol"] == alone["protocol"]


@pytest.mark.slow
def test_sample_draws_the_images_of_one_process(run, tmp_path):
    given = ["sample", run, "--seeds", "3-12,40", "--truncation", "1.5"]
    one(*given, "--out", tmp_path / "one")
    said = several(3, *given, "--out", tmp_path / "three")
    assert [bool(text.strip()) for text in said] == [True, False, False]
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(names) == 11 and names == sorted(path.name for path in (tmp_path / "three").iterdir())
    for name in names:
        pixels = [np.asarray(Image.open(tmp_path / folder / name)).astype(int) for folder in ("one", "three")]
        assert abs(pixels[0] - pixels[1]).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("what", [["evaluate", "--metrics", "fid", "-n"], ["sample", "-n"]], ids=lambda what: what[0])
def test_workers_that_are_asked_for_other_things_end_with_one_message(run, tmp_path, what):
    name, *options = what
    job = workers.start(2, lambda index: command(name, run, *options, 20 + index, "--out", tmp_path / "out"))
    for status, said in workers.ended(job, 300):
        assert status == 1 and "start all of them with the same command" in said.splitlines()[-1], said[-3000:]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("n", "count"), [(10, 3), (61, 2), (5, 5), (7, 1)])
def test_the_shares_are_all_rows_once(monkeypatch, n, count):
    monkeypatch.setattr(shares, "count", lambda strategy: count)
    parts = []
    for place in range(count):
        monkeypatch.setattr(shares, "_place", lambda strategy, place=place: place)
        parts.append(shares.share(None, n))
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(n))
    assert max(part.stop - part.start for part in parts) - min(part.stop - part.start for part in parts) <= 1
