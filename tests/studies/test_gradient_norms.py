"""The study of gradient norms: backpropagation by hand, PyTorch's gradient of the whole loss, the paper's statement."""

import json

import numpy as np
import pytest

from kerasgan.networks import mlp
from kerasgan.studies import gradient_norms


def random_critic(depth=3, width=5):
    critic = mlp.critic(width=width, depth=depth)
    rng = np.random.default_rng(0)
    critic.set_weights([rng.normal(0, 0.6, weight.shape) for weight in critic.get_weights()])
    weights = critic.get_weights()
    return critic, list(zip(weights[::2], weights[1::2]))


def test_norms_are_those_of_backpropagation_by_hand():
    critic, layers = random_critic()
    points = np.random.default_rng(1).normal(size=(7, 2)).astype("float32")
    x, active = points, []
    for kernel, bias in layers[:-1]:
        active.append(x @ kernel + bias > 0)
        x = np.maximum(x @ kernel + bias, 0)
    gradient = np.repeat(layers[-1][0].T, 7, axis=0)
    expected = [np.linalg.norm(gradient, axis=1).mean()]
    for (kernel, _), mask in zip(layers[-2:0:-1], active[::-1]):
        gradient = (gradient * mask) @ kernel.T
        expected.insert(0, np.linalg.norm(gradient, axis=1).mean())
    assert len(set(np.round(expected, 3))) == 3
    np.testing.assert_allclose(gradient_norms.layer_norms(critic, points), expected, rtol=1e-5)


@pytest.mark.parity
def test_they_are_norms_of_the_whole_losss_gradient_in_pytorch():
    import torch

    critic, layers = random_critic()
    layers = [(torch.tensor(kernel), torch.tensor(bias)) for kernel, bias in layers]

    def score(x, activations):
        for kernel, bias in layers[:-1]:
            x = torch.relu(x @ kernel + bias)
            activations.append(x)
        return x @ layers[-1][0] + layers[-1][1]

    rng = np.random.default_rng(1)
    real, fake = (rng.normal(size=(6, 2)).astype("float32") for _ in range(2))
    between = torch.tensor(0.3 * real + 0.7 * fake, requires_grad=True)
    at_real, at_fake, at_between = [], [], []
    loss = score(torch.tensor(fake).requires_grad_(), at_fake).mean()
    loss = loss - score(torch.tensor(real).requires_grad_(), at_real).mean()
    slopes = torch.autograd.grad(score(between, at_between).sum(), between, create_graph=True)[0]
    loss = loss + 10 * ((slopes.norm(dim=1) - 1) ** 2).mean()
    gradients = torch.autograd.grad(loss, [*at_real, *at_fake], retain_graph=True)
    both = [torch.cat([gradients[i], gradients[i + 3]]) for i in range(3)]
    expected = [6 * layer.norm(dim=1).mean().item() for layer in both]
    found = gradient_norms.layer_norms(critic, np.concatenate([real, fake]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    of_penalty = torch.autograd.grad(loss, at_between, allow_unused=True)
    assert all(one is None or not one.any() for one in of_penalty)


@pytest.mark.usefixtures("numbers_first")
def test_a_short_study_tells_vanishing_from_stable_gradients(tmp_path, monkeypatch):
    monkeypatch.setattr(gradient_norms, "CLIPS", (0.1, 0.001))
    gradient_norms.run(steps=4, out=tmp_path, width=256, depth=6, batch_size=16)
    result = json.loads((tmp_path / "result.json").read_text())["result"]
    assert "the mean over moments of the training, 4 in all." in result["protocol"]
    lines = result["lines"]
    change = {name: line["change_a_layer"] for name, line in lines.items()}
    assert change["clip 0.001"] < -1.0
    assert change["clip 0.1"] > change["clip 0.001"] + 1.0
    assert abs(change["gradient penalty"]) < 0.15
    assert all(len(line["log10_norms"]) == 6 for line in lines.values())
    assert (tmp_path / "norms.png").stat().st_size > 10_000


@pytest.mark.slow
def test_gradients_explode_vanish_or_stay_as_in_the_papers_figure(tmp_path):
    lines = gradient_norms.run(steps=100, out=tmp_path)["lines"]
    change = {name: line["change_a_layer"] for name, line in lines.items()}
    assert change["clip 0.1"] > 0.1
    assert change["clip 0.01"] < -0.5
    assert change["clip 0.001"] < -1.5
    assert abs(change["gradient penalty"]) < 0.1


def test_one_layer_has_no_line():
    with pytest.raises(ValueError, match="depth: expected an integer of at least 2, got 1"):
        gradient_norms.run(depth=1)
