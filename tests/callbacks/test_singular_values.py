"""The callback that follows singular values: its lines against NumPy's SVD, resumption, TensorBoard, the picture."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from PIL import Image

import kerasgan
from kerasgan import callbacks
from kerasgan.callbacks.singular_values import plot_singular_values
from kerasgan.recipes import recipe
from kerasgan.training import runner
from tests import points


class Spectra(keras.callbacks.Callback):
    """NumPy's singular values of dense kernels [inputs, outputs] by step and player, in the order of the layers."""

    def __init__(self):
        super().__init__()
        self.found = {}

    def on_train_begin(self, logs=None):
        self._measure()

    def on_train_batch_end(self, batch, logs=None):
        self._measure()

    def _measure(self):
        for player in ("generator", "critic"):
            kernels = [v for v in getattr(self.model, player).trainable_variables if "dense" in v.path]
            values = [np.linalg.svd(v.numpy(), compute_uv=False)[:3] for v in kernels if len(v.shape) == 2]
            self.found[int(self.model.step.numpy()), player] = values


def train(gan, steps, *used):
    gan.fit(points.data(gan, steps), verbose=0, callbacks=list(used))


def lines(folder):
    return [json.loads(line) for line in (folder / "singular_values.jsonl").read_text().splitlines()]


def test_lines_hold_numpys_values_and_go_on_where_a_resumed_model_is(tmp_path):
    gan = points.gan("SGAN")
    gan.compile(run_eagerly=True)
    exact = Spectra()
    train(gan, 5, callbacks.SingularValues(tmp_path, 2, tmp_path / "board"), exact)
    assert [line["step"] for line in lines(tmp_path)] == [0, 2, 4, 5]
    gan.save(tmp_path / "model.keras")
    with (tmp_path / "singular_values.jsonl").open("a") as file:  # lost with what came after the checkpoint
        file.write(json.dumps({"step": 7}) + "\n")
    train(kerasgan.load(tmp_path / "model.keras"), 5, callbacks.SingularValues(tmp_path, 2), exact)
    assert [line["step"] for line in lines(tmp_path)] == [0, 2, 4, 5, 6, 8, 10]
    for line in lines(tmp_path):
        for player in ("generator", "critic"):
            assert list(line[player]) == list(lines(tmp_path)[0][player])
            wanted = exact.found[line["step"], player]
            for values, numpys in zip(line[player].values(), wanted, strict=True):
                np.testing.assert_allclose(values, numpys, rtol=1e-3)
    assert [len(values) for values in lines(tmp_path)[0]["critic"].values()] == [2, 1]
    [events] = (tmp_path / "board").iterdir()
    summaries = tf.compat.v1.train.summary_iterator(str(events))
    board = {(e.step, v.tag): float(tf.make_ndarray(v.tensor)) for e in summaries for v in e.summary.value}
    line = lines(tmp_path)[2]
    [first, *_] = line["generator"]
    assert board[4, f"generator/{first}/sigma1"] == pytest.approx(line["generator"][first][1], rel=1e-5)
    assert np.asarray(Image.open(tmp_path / "singular_values.png")).std() > 5


def test_the_picture_needs_two_lines_and_draws_what_is_not_finite_as_gaps(tmp_path):
    path = tmp_path / "singular_values.jsonl"
    players = {"generator": {"a": [2.0, 1.0, 0.5], "b": [1.0]}, "critic": {"c": [1.0, 1.0]}}
    path.write_text(json.dumps({"step": 0, **players}) + "\n")
    assert plot_singular_values(path, tmp_path / "a.png") is None
    players["generator"]["a"] = [None, None, None]
    with path.open("a") as file:
        file.write(json.dumps({"step": 9, **players}) + "\n")
    assert plot_singular_values(path, tmp_path / "a.png").is_file()


def test_a_recipe_turns_it_on():
    text = sorted((pathlib.Path(__file__).parents[2] / "zoo" / "recipes").glob("*.yaml"))[0].read_text()
    assert recipe.parse(text).train.singular_values_every is None
    values = yaml.safe_load(text)
    values["train"]["singular_values_every"] = 250
    plan = recipe.parse(yaml.safe_dump(values))
    assert plan.train.singular_values_every == 250
    [used] = runner._spectra(plan.train, pathlib.Path("run"))
    assert used.every == 250 and used.path == pathlib.Path("run/singular_values.jsonl")
    values["train"]["singular_values_every"] = 0
    with pytest.raises(recipe.RecipeError, match="train.singular_values_every"):
        recipe.parse(yaml.safe_dump(values))
