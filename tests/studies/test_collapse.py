"""The studies `collapse` and `freeze`: their figures by hand, one start for all branches, and the real thing (slow)."""

import json

import numpy as np
import pytest
from PIL import Image

import kerasgan
from kerasgan.data import fashion_mnist_arrays
from kerasgan.studies import collapse, freeze
from tests.callbacks.test_collapse_guard import Planned
from tests.conftest import needs_fashion_mnist

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")

RNG = np.random.default_rng(0)


def look(step, variety, alarms=(), action="", sigma0=2.0):
    return {
        "step": step,
        "healthy": not alarms,
        "critic_loss": 1.0,
        "variety": {"variety": variety},
        "sigma0": {"generator k": 1.0, "critic k": sigma0},
        "alarms": list(alarms),
        "doubts": [],
        "action": action,
    }


def test_figures_by_hand():
    trunk = [look(10, 1.0, ["early"]), look(20, 3.0), look(30, 4.0), look(40, 5.0)]
    lost = [
        look(50, 4.0),
        look(60, 2.0, ["why"]),
        look(70, None, ["why"], sigma0=None),
        look(80, 0.2, ["why"], sigma0=9.0),
    ]
    kept = [look(50, 4.0), look(60, 3.0, ["why"], "rolled back"), look(70, 4.0), look(80, 4.4)]
    found = collapse.summary({"warning": trunk + lost, "rolling back": trunk + kept}, steps=40)
    assert found["healthy_variety"] == 4.0 and found["false_alarms"] == 1
    assert found["branches"]["warning"] == {
        "alarm_step": 60,
        "reasons": ["why"],
        "share_at_alarm": 0.5,
        "lowest_share": 0.0,  # what is not finite is gone
        "share_at_end": pytest.approx(0.275),  # the median of 1, 0.5, 0 and 0.05
        "sigma0_growth": 4.5,
        "actions": [],
    }
    assert found["branches"]["rolling back"]["actions"] == ["step 60: rolled back"]
    assert found["branches"]["rolling back"]["share_at_end"] == pytest.approx(1.0)
    assert found["branches"]["rolling back"]["sigma0_growth"] == 1.0
    assert collapse.summary({"a": [*trunk, look(50, 4.0)]}, steps=40)["branches"]["a"]["alarm_step"] is None


@pytest.fixture
def few(monkeypatch):
    """Garments of noise, and an eager model of two filters."""
    monkeypatch.setattr(
        fashion_mnist_arrays,
        "arrays",
        lambda split, data_dir=None: (RNG.integers(0, 256, (64, 32, 32, 1), "uint8"), None),
    )
    monkeypatch.setattr(collapse, "BATCH", 2)
    monkeypatch.setattr(collapse, "FILTERS", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly", "numbers_first")
def test_branches_start_from_the_trunk_and_see_the_same(few, tmp_path):
    content = json.loads(collapse.run(tmp_path, steps=1, more=1, growth=2.0, every=1).read_text())
    result = content["result"]
    assert result["warning_equals_unguarded"] and result["false_alarms"] == 0
    for looks in result["looks"].values():
        assert [look["step"] for look in looks] == [1, 2]
    assert result["looks"]["warning"] == result["looks"]["rolling back"]  # no alarm within the warm-up
    trunk, end = (kerasgan.load(tmp_path / name) for name in ("trunk/trunk.keras", "warning/healthy-00000002.keras"))
    rates = [float(gan.critic_optimizer.learning_rate) for gan in (trunk, end)]
    assert rates == pytest.approx([collapse.RATE, 2 * collapse.RATE])
    assert "by 2.0," in result["protocol"] and content["settings"]["factor"] == collapse.FACTOR
    assert np.asarray(Image.open(tmp_path / "collapse.png")).std() > 10


def test_wrong_numbers_are_named_before_any_work(tmp_path):
    for run in (collapse.run, freeze.run):
        for name in ("steps", "more"):
            with pytest.raises(ValueError, match=f"{name}: expected a multiple of every, 10; got 15"):
                run(tmp_path / "new", **{name: 15})
        with pytest.raises(ValueError, match="every: expected an integer of at least 1, got 0"):
            run(tmp_path / "new", every=0)
        with pytest.raises(ValueError, match="growth: expected a positive number; got 0"):
            run(tmp_path / "new", growth=0)
        with pytest.raises(ValueError, match="seed: expected an integer from 0 to 4294967295, got -1"):
            run(tmp_path / "new", seed=-1)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly", "numbers_first")
def test_freezing_starts_at_the_last_healthy_look_and_holds_a_side(few, tmp_path, monkeypatch):
    monkeypatch.setattr(collapse, "RULE", Planned(2))  # at step 2
    result = json.loads(freeze.run(tmp_path, steps=1, more=1, growth=2.0, every=1).read_text())["result"]
    assert result["frozen_at"] == 1 and list(result["branches"]) == list(freeze.BRANCHES)
    before = kerasgan.load(tmp_path / "toward collapse" / "healthy-00000001.keras")
    for name, frozen in (("both train", []), ("generator frozen", ["generator"]), ("critic frozen", ["critic"])):
        assert [look["step"] for look in result["looks"][name]] == [1, 2]
        after = kerasgan.load(tmp_path / name / "healthy-00000002.keras")
        for side in ("generator", "critic"):
            pairs = [getattr(gan, side).trainable_variables for gan in (before, after)]
            same = all(np.array_equal(mine, other) for mine, other in zip(*pairs, strict=True))
            assert same == (side in frozen)
        losses = [look["critic_loss"] for look in result["looks"][name]][1:]
        assert result["branches"][name]["highest_loss"] == max(losses)
        assert result["branches"][name]["loss_at_end"] == losses[-1]
    assert np.asarray(Image.open(tmp_path / "freeze.png")).std() > 10


def test_without_an_alarm_there_is_nothing_to_freeze(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist_arrays, "arrays", lambda split, data_dir=None: (None, None))
    monkeypatch.setattr(collapse, "train_trunk", lambda folder, *rest: folder.mkdir(parents=True))
    monkeypatch.setattr(collapse, "go_on", lambda *rest: rest[-1].looks.append(look(10, 4.0)))
    with pytest.raises(RuntimeError, match="no alarm within 400 steps of rising learning rates"):
        freeze.run(tmp_path)


@pytest.mark.slow
@needs_fashion_mnist
def test_the_alarm_comes_before_the_samples_are_gone_and_a_roll_back_goes_on_healthily(tmp_path):
    result = json.loads(collapse.run(tmp_path).read_text())["result"]
    warning, rolling = result["branches"]["warning"], result["branches"]["rolling back"]
    # how low the variety falls is another on each processor: noise is various too
    assert warning["share_at_alarm"] > 0.5 > warning["lowest_share"] and warning["sigma0_growth"] > 4
    assert rolling["actions"] and rolling["lowest_share"] > 0.7 and rolling["sigma0_growth"] < 2
    assert result["false_alarms"] == 0
