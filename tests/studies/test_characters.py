"""The character study: what it writes, and that an interrupted one goes on as if it had not been."""

import functools
import json

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

import kerasgan
from kerasgan.data import text
from kerasgan.studies import characters

SAMPLES = 10


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Return a function that runs a small study on 150 lines of a few words."""
    rng = np.random.default_rng(0)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "sang", "$5", "in", "May"]
    lines = [" ".join(rng.choice(words, rng.integers(2, 12))) for _ in range(150)]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(characters, "BATCH", 8)
    for build in ("generator", "critic"):
        one_block = functools.partial(getattr(characters.char_cnn, build), blocks=1)
        monkeypatch.setattr(characters.char_cnn, build, one_block)

    def run(folder, **changes):
        given = {"steps": 4, "filters": 3, "critic_steps": 2, "every": 2, "samples": SAMPLES, **changes}
        path = characters.run(tmp_path / "lines.txt", out=tmp_path / folder, **given)
        return json.loads(path.read_text())

    run.lines, run.folder = lines, tmp_path
    return run


def rows(lines, vocabulary):
    return ["".join(map(chr, row)) for row in vocabulary.encode(lines, 32)]


def scipy_js(first, second, n):
    """Return the JS in bits of the n-grams of two lists of strings, by SciPy."""
    grams = [[line[i : i + n] for line in lines for i in range(len(line) - n + 1)] for lines in (first, second)]
    places = {gram: place for place, gram in enumerate(sorted(set(grams[0] + grams[1])))}
    p, q = (np.bincount([places[gram] for gram in part], minlength=len(places)) for part in grams)
    return jensenshannon(p, q, base=2) ** 2


@pytest.mark.slow
@pytest.mark.usefixtures("numbers_first")
def test_an_interrupted_study_goes_on_and_measures_what_it_says(small):
    straight = small("straight")
    small("stopped", steps=2)
    resumed = small("stopped")
    assert [point["step"] for point in resumed["result"]["curve"]] == [0, 2, 4]
    for one, other in zip(straight["result"]["curve"], resumed["result"]["curve"]):
        assert one["js"] == pytest.approx(other["js"], abs=1e-3)
    models = [kerasgan.load(small.folder / folder / "model.keras") for folder in ("straight", "stopped")]
    for one, other in zip(*(model.variables for model in models), strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6, err_msg=one.path)
    assert models[0].step == 4 and models[0].critic_optimizer.iterations == 8
    samples = (small.folder / "stopped" / "samples.txt").read_text()
    assert [line for line in samples.splitlines() if line.startswith("step")] == ["step 0", "step 2", "step 4"]
    assert (small.folder / "stopped" / "characters.png").read_bytes().startswith(b"\x89PNG")

    training, held_out = text.split(small.lines, 5 * SAMPLES, seed=0)
    vocabulary = text.Vocabulary.of(training)
    assert resumed["result"]["vocabulary"] == vocabulary.characters
    part = rows(held_out[SAMPLES : 2 * SAMPLES], vocabulary)
    for n in (1, 2, 3, 4):
        floor = resumed["result"]["floors"][1][str(n)]
        assert floor == pytest.approx(scipy_js(part, rows(training, vocabulary), n), rel=1e-6)
    made = models[1].sample(SAMPLES)
    assert made.shape == (SAMPLES, 32, len(vocabulary)) and made.dtype == np.float32
    np.testing.assert_allclose(made.sum(-1), 1, rtol=1e-5)
    last = resumed["result"]["curve"][-1]
    assert last["lines"] == vocabulary.decode(made)
    generated = ["".join(map(chr, row)) for row in made.argmax(-1)]
    assert last["js"]["3"] == pytest.approx(scipy_js(generated, rows(training, vocabulary), 3), rel=1e-6)


def test_a_study_with_other_arguments_is_not_continued(small):
    small("out", steps=1)
    with pytest.raises(ValueError, match="out: .* holds a study with filters=3, not 4; choose another folder"):
        small("out", filters=4)
    (small.folder / "out" / "result.json").unlink()
    with pytest.raises(ValueError, match="out: .* holds a model.keras without a result.json"):
        small("out")


def test_too_few_lines_are_said_at_once(small):
    with pytest.raises(ValueError, match="held_out: expected fewer than the 150 lines there are; got 3200"):
        small("out", samples=640)
    with pytest.raises(ValueError, match="encoded: has 100 lines, but one step needs 104"):
        small("out", critic_steps=13)
    with pytest.raises(ValueError, match="every: expected an integer of at least 1, got 0"):
        small("out", every=0)
    with pytest.raises(FileNotFoundError, match="no such file: none.txt"):
        characters.run("none.txt")
    assert not (small.folder / "out").exists()
