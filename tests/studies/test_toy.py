"""The toy study: every objective builds, measures are right, an interrupted study goes on, and WGAN-GP covers all."""

import json
import math

import numpy as np
import pytest
from scipy import optimize

from kerasgan import data, objectives
from kerasgan.studies import toy


def randomize(gan):
    rng = np.random.default_rng(0)
    for network in (gan.generator, gan.critic):
        network.set_weights([w + rng.normal(0, 0.3, w.shape) for w in network.get_weights()])


def test_all_objectives_without_classes_are_trained():
    assert set(toy.names()) - {toy.DELIGAN} == {
        name for name in objectives.__all__ if not getattr(objectives, name).classifying_critic
    }
    assert {"WGANGP", "RSGAN", "TSGAN", "TWGAN", "CramerGAN", "SGAN", toy.DELIGAN} <= set(toy.names())
    assert set(toy.SETTINGS) <= set(toy.names())


@pytest.mark.parametrize("name", toy.names())
def test_each_objective_makes_points(name):
    setting = toy.SETTINGS.get(name, toy.Setting())
    gan = toy.make_gan(name, setting)
    z = np.random.default_rng(0).standard_normal((3, setting.latent_dim)).astype("float32")
    made = gan(z).numpy()
    assert made.shape == (3, 2) and np.std(made, axis=0).min() > 1e-3
    assert isinstance(gan, getattr(objectives, "SGAN" if name == toy.DELIGAN else name))


def test_surface_of_a_critic_of_one_logit():
    gan = toy.make_gan("SGAN", toy.Setting(width=8))
    randomize(gan)
    surface, meaning = toy.critic_surface(gan, pixels=5)
    assert meaning == "D(x)" and np.std(surface) > 1e-2
    for i, j in ((0, 0), (1, 3), (4, 2)):
        x, y = toy.SIDE * (-1 + 2 * j / 4), toy.SIDE * (-1 + 2 * i / 4)
        np.testing.assert_allclose(surface[i, j], gan.critic(np.array([[x, y]], "float32"))[0, 0], atol=1e-6)


def test_surface_of_a_critic_of_pairs_is_the_mean_over_generated_points():
    gan = toy.make_gan("TSGAN", toy.Setting(width=8))
    randomize(gan)
    surface, _ = toy.critic_surface(gan, pixels=3)
    fakes = gan.sample(64, seed=0)
    point = np.array([[toy.SIDE, 0.0]], "float32")
    pairs = [float(gan.critic([point, fake[None]])[0, 0]) for fake in fakes]
    assert np.std(pairs) > 1e-3
    np.testing.assert_allclose(surface[1, 2], np.mean(pairs), rtol=1e-4, atol=1e-6)


def test_surface_of_cramers_critic_is_its_f():
    gan = toy.make_gan("CramerGAN", toy.Setting(width=8))
    randomize(gan)
    surface, _ = toy.critic_surface(gan, pixels=3)
    h = gan.critic(np.array([[0.0, -toy.SIDE]], "float32")).numpy()[0]
    fakes = gan.critic(gan.sample(64, seed=0)).numpy()
    expected = np.mean([math.dist(h, fake) for fake in fakes]) - math.hypot(*h)
    np.testing.assert_allclose(surface[0, 1], expected, rtol=1e-4, atol=1e-6)


def test_measures_of_points_of_one_mode(monkeypatch):
    monkeypatch.setattr(toy, "SAMPLES", 500)
    eight = data.eight_gaussians()
    made = np.repeat(eight.centres[:1].astype("float32"), toy.SAMPLES, axis=0)
    found = toy.measure(eight, made)
    assert (found["modes"], found["high_quality"], found["smallest_share"]) == (1, 1.0, 0.0)
    assert found["kl_of_modes"] == pytest.approx(math.log(8))
    # 7/8 of the mass goes elsewhere, an eighth to each other centre
    expected = np.linalg.norm(eight.centres - eight.centres[0], axis=1).mean()
    assert found["w1"] == pytest.approx(expected, rel=0.05)
    assert found["js"] > 0.4


@pytest.mark.slow
def test_an_interrupted_study_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(toy, "SAMPLES", 500)
    trained = []

    def untrained(name, points, setting, seed, seconds):
        trained.append(name)
        return toy.make_gan(name, setting, seed), [[2, 0, 0.0]]

    first = toy.run("eight_gaussians", ["RSGAN"], steps=2, out=tmp_path)
    monkeypatch.setattr(toy, "train", untrained)
    both = toy.run("eight_gaussians", ["RSGAN", toy.DELIGAN], steps=2, out=tmp_path)
    assert trained == [toy.DELIGAN]
    content = json.loads((tmp_path / "result.json").read_text())
    assert list(content["result"]["objectives"]) == ["RSGAN", toy.DELIGAN]
    found = content["result"]["objectives"]["RSGAN"]
    assert both["objectives"]["RSGAN"]["w1"] == found["w1"] == first["objectives"]["RSGAN"]["w1"]
    assert (found["steps_taken"], found["setting"]["steps"], found["history"][0][0]) == (2, 2, 2)
    with np.load(tmp_path / "arrays" / "RSGAN.npz") as arrays:
        made = arrays["samples"].astype("float64")
    real = data.eight_gaussians().sample(toy.SAMPLES, seed=1).astype("float64")
    costs = np.sqrt(np.square(made[:, None] - real).sum(axis=-1))
    assert found["w1"] == pytest.approx(costs[optimize.linear_sum_assignment(costs)].mean(), rel=1e-6)
    floor = content["result"]["real"]
    assert floor["modes"] == 8 and floor["high_quality"] > 0.96
    assert 0 < floor["w1"] < 0.2 and 0 < floor["js"] < 0.05
    assert found["w1"] > 3 * floor["w1"] and found["js"] > 3 * floor["js"]
    table = (tmp_path / "table.md").read_text()
    assert f"| RSGAN | {found['modes']} of 8 | {found['high_quality']:.1%} |" in table
    assert (tmp_path / "samples.png").stat().st_size > 10_000
    toy.run("eight_gaussians", ["RSGAN"], steps=1, out=tmp_path)
    assert trained[1:] == ["RSGAN"]
    with pytest.raises(ValueError, match="out: .* holds a result of other settings"):
        toy.run("eight_gaussians", ["RSGAN"], steps=1, seed=1, out=tmp_path)


def test_modes_are_counted_on_the_way_and_seconds_end_a_training(monkeypatch):
    monkeypatch.setattr(toy, "SAMPLES", 50)
    gan = toy.make_gan("SGAN", toy.Setting(width=8))
    for seconds, stopped in ((1e9, False), (1e-9, True)):
        watch = toy._Watch("SGAN", data.eight_gaussians(), steps=100, seconds=seconds, checks=4)
        gan.stop_training = False
        watch.set_model(gan)
        for batch in range(9, 100, 10):  # as with 10 steps an execution
            watch.on_train_batch_end(batch)
        assert [look[0] for look in watch.history] == [30, 50, 80, 100]
        assert gan.stop_training is stopped


def test_any_number_of_steps_is_taken(monkeypatch):
    monkeypatch.setattr(toy, "SAMPLES", 50)
    gan, _ = toy.train("SGAN", data.eight_gaussians(), toy.Setting(steps=52, width=4), checks=1)
    assert gan.step == 52


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data_name": "moons"}, "data: expected one of eight_gaussians, .*; got 'moons'"),
        ({"objective_names": ["SGAN", "BGAN"]}, "objectives: expected some of .*; got 'BGAN'"),
        ({"objective_names": ["ACWGANGP"]}, "objectives: expected some of .*; got 'ACWGANGP'"),
        ({"objective_names": []}, "objectives: expected at least one; got none"),
        ({"seconds": 0.0}, "seconds: expected a positive number; got 0.0"),
        ({"seed": -1}, "seed: expected an integer from 0 to 4294967295, got -1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        toy.run(**arguments, out=tmp_path)


@pytest.mark.slow
def test_wgan_gp_covers_all_eight_modes():
    eight = data.eight_gaussians()
    gan, history = toy.train("WGANGP", eight, toy.SETTINGS["WGANGP"])
    found = toy.measure(eight, toy.sample(gan))
    assert found["modes"] == 8
    assert found["smallest_share"] > 0.03
    assert found["high_quality"] > 0.6
    assert history[-1][0] == toy.SETTINGS["WGANGP"].steps
