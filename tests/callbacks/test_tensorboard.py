"""What a run and its callbacks write for TensorBoard, read back by TensorBoard's own reader."""

import io
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kerasgan import callbacks
from kerasgan.training import runner
from tests.callbacks.test_callbacks import Counter, run

RECIPE = """\
name: watched
data: {{arrays: {folder}/x.npz, image_size: 32, batch_size: 8}}
latent: {{Normal: {{dim: 8}}}}
generator: {{dcgan.generator: {{filters: 4}}}}
critic: {{dcgan.critic: {{filters: 4}}}}
objective: {{SGAN: {{}}}}
train:
  {{steps: 5, log_every: 1, sample_every: 2, sample_count: 9, singular_values_every: 5, evaluate_every: 3,
   evaluate_metrics: "fid,is", evaluate_n: 20}}
"""


def read(folder):
    board = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    board.Reload()
    return board


def values(board, tag):
    """What a tag has: steps to numbers."""
    return {event.step: float(tf.make_ndarray(event.tensor_proto)) for event in board.Tensors(tag)}


def pictures(board, tag):
    """What a tag has: steps to pictures, of which TensorBoard has one each."""
    found = {}
    for event in board.Tensors(tag):
        width, height, *encoded = tf.make_ndarray(event.tensor_proto).tolist()
        [picture] = [Image.open(io.BytesIO(png)) for png in encoded]
        assert picture.size == (int(width), int(height))
        found[event.step] = picture
    return found


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    folder = tmp_path_factory.mktemp("watched")
    np.savez(folder / "x.npz", x=np.random.default_rng(0).integers(0, 256, (24, 32, 32, 1), np.uint8))
    (folder / "r.yaml").write_text(RECIPE.format(folder=folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASGAN_CACHE", str(folder / "cache"))
        return runner.train(folder / "r.yaml", folder / "runs")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_is_one_event_file(watched):
    """TensorBoard may follow the newest file of a folder alone."""
    assert len(list((watched / "tensorboard").iterdir())) == 1


def test_grids_of_a_run_are_its_pictures(watched):
    found = pictures(read(watched / "tensorboard"), "samples")
    assert list(found) == [2, 4, 5]
    for step, picture in found.items():
        file = Image.open(watched / "samples" / f"step-{step:08d}.png")
        assert picture.mode == file.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(file))
    assert np.asarray(found[2]).std() > 0


def test_losses_distances_and_singular_values_are_those_of_the_runs_own_files(watched):
    board = read(watched / "tensorboard")
    wanted = {}
    for line in lines(watched / "metrics.jsonl"):
        for name in ("images_per_second", "critic_loss", "generator_loss"):
            wanted[name, line["step"]] = line[name]
    for line in lines(watched / "evaluation.jsonl"):
        wanted |= {(one["name"], line["step"]): one["value"] for one in line["results"]}
    for line in lines(watched / "singular_values.jsonl"):
        for player in ("generator", "critic"):
            for kernel, sigmas in line[player].items():
                wanted |= {(f"{player}/{kernel}/sigma{i}", line["step"]): sigma for i, sigma in enumerate(sigmas)}
    assert {("fd[garments]", 3), ("fd[garments]", 5), ("score[garments]", 3)} <= set(wanted)
    tags = set(board.Tags()["tensors"]) - {"samples"}
    found = {(tag, step): value for tag in tags for step, value in values(board, tag).items()}
    assert found == {place: pytest.approx(value, rel=1e-5) for place, value in wanted.items()}


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_pictures_of_any_channels(tmp_path, mode):
    model = Counter()
    channels = len(mode)
    images = np.random.default_rng(0).integers(0, 256, (4, 4, 4, channels), dtype=np.uint8)
    model.sample = lambda n, seed, labels, truncation: images
    run(model, callbacks.SampleGrid(tmp_path / "grids", 10, 4, tensorboard=tmp_path / "board", name="mine"))
    [picture] = pictures(read(tmp_path / "board"), "mine").values()
    assert picture.mode == mode
    np.testing.assert_array_equal(np.asarray(picture), np.asarray(Image.open(tmp_path / "grids/step-00000010.png")))


def test_lines_of_text_are_shown_as_they_are(tmp_path):
    class Vocabulary:
        def decode(self, samples):
            return ["# no heading *", "  two"]

    model = Counter()
    model.vocabulary = Vocabulary()
    run(model, callbacks.SampleGrid(tmp_path / "lines", 10, 2, tensorboard=tmp_path / "board"))
    [event] = read(tmp_path / "board").Tensors("samples")
    text = tf.make_ndarray(event.tensor_proto).item().decode()
    assert text == "    # no heading *\n      two"  # indented by four: code of Markdown's
    assert (tmp_path / "lines" / "step-00000010.txt").read_text() == "# no heading *\n  two\n"


def test_nothing_is_written_unasked(tmp_path, monkeypatch):
    monkeypatch.setattr(tf.summary, "create_file_writer", None)
    run(Counter(), callbacks.SampleGrid(tmp_path, 4, 2), callbacks.MetricsLog(tmp_path / "log.jsonl", 64, every=3))
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".jsonl"}
