"""R3GAN: steps against PyTorch with all schedules moving, its average's half-life, and eight Gaussians."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import data
from kerasgan.metrics.modes import modes
from kerasgan.networks import mlp, r3gan
from kerasgan.optimizers import schedules
from kerasgan.optimizers.scheduled_adam import ScheduledAdam
from kerasgan.optimizers.schedules import Cosine, HalfLife

SIZES = {"widths": (8, 6, 4), "blocks": 1, "groups": (2, 3, 2)}
STEPS, ROWS, DECAY = 3, 5, 4  # the schedules end after DECAY steps
RATE, BETA, GAMMA, HALF_LIFE = (0.02, 0.005), (0.9, 0.99), (2.0, 0.2), (0.0, 3.0)


def along(ends, step):
    start, end = ends
    return end + (start - end) * (1 + math.cos(math.pi * min(step / DECAY, 1))) / 2


def test_cosines_end_where_they_should_and_stay():
    cosine = Cosine(0.9, 0.99, 100)
    np.testing.assert_allclose(
        [float(cosine(step)) for step in (0, 50, 100, 1000)], [0.9, 0.945, 0.99, 0.99], rtol=1e-6
    )
    keras_own = keras.optimizers.schedules.CosineDecay(2e-4, 100, alpha=0.25)
    ours = Cosine(2e-4, 5e-5, 100)
    for step in (0, 13, 99, 400):
        np.testing.assert_allclose(float(ours(step)), float(keras_own(step)), rtol=1e-5)
    np.testing.assert_allclose(
        [float(HalfLife(0, 10, 5)(step)) for step in (0, 5, 9)], [0, 0.5**0.1, 0.5**0.1], rtol=1e-6
    )


def test_wrong_schedules_are_named():
    with pytest.raises(ValueError, match="start: expected a finite number of at least 0; got -1"):
        Cosine(-1, 0, 10)
    with pytest.raises(ValueError, match="end: expected a finite number of at least 0; got inf"):
        HalfLife(0, math.inf, 10)
    with pytest.raises(ValueError, match="steps: expected an integer of at least 1, got 0"):
        Cosine(1, 0, 0)
    with pytest.raises(ValueError, match="gamma: expected a number of at least 0, or a schedule; got -2"):
        kerasgan.R3GAN(mlp.generator(width=4), mlp.critic(width=4), gamma=-2)
    with pytest.raises(ValueError, match="ema_decay: expected a number in .0, 1., a schedule or None; got 1"):
        kerasgan.R3GAN(mlp.generator(width=4), mlp.critic(width=4), ema_decay=1)


def model():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)
    networks = r3gan.generator((16, 16, 3), 6, **SIZES), r3gan.critic((16, 16, 3), **SIZES)
    for network in networks:
        for variable in network.trainable_variables:
            shape = variable.shape
            variable.assign(rng.normal(size=shape) * (0.2 if len(shape) == 1 else 0.7 / np.sqrt(np.prod(shape[:-1]))))
    gan = kerasgan.R3GAN(*networks, gamma=Cosine(*GAMMA, DECAY), ema_decay=HalfLife(*HALF_LIFE, DECAY), seed=5)
    adam = [
        ScheduledAdam(Cosine(*RATE, DECAY), beta_1=0.0, beta_2=Cosine(*BETA, DECAY), epsilon=1e-4) for _ in networks
    ]
    gan.compile(*adam)
    return gan


@pytest.mark.parity
def test_steps_are_those_of_pytorch_with_all_schedules_moving():
    torch = pytest.importorskip("torch", reason="needs PyTorch: make parity")
    functional = torch.nn.functional
    from tests.objectives import torch_steps as steps

    gan = model()
    weights = [steps.tensors(network.trainable_variables) for network in (gan.generator, gan.critic)]
    average = [weight.detach().clone() for weight in weights[0]]
    second = [[torch.zeros_like(weight) for weight in part] for part in weights]
    start = [weight.detach().clone() for part in weights for weight in part]

    def conv(x, kernel, bias=None, groups=1):
        return functional.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=kernel.shape[0] // 2, groups=groups)

    def block(x, w, groups):
        y = functional.leaky_relu(conv(x, next(w), next(w)), 0.2)
        y = functional.leaky_relu(conv(y, next(w), next(w), groups), 0.2)
        return x + conv(y, next(w))

    taps = torch.tensor([1.0, 3, 3, 1], dtype=torch.float64) / 8

    def resampled(x, up):
        channels = x.shape[1]
        kernel = (torch.outer(taps, taps) * (4 if up else 1)).expand(channels, 1, 4, 4)
        resize = functional.conv_transpose2d if up else functional.conv2d
        return resize(x, kernel, stride=2, padding=1, groups=channels)

    def generator(given, z):
        w = iter(given)
        x = (z @ next(w))[:, :, None, None] * next(w).permute(2, 0, 1)
        for stage, groups in enumerate(SIZES["groups"]):
            x = resampled(conv(x, next(w)), up=True) if stage else x
            x = block(x, w, groups)
        return conv(x, next(w))

    def critic(given, x):
        w = iter(given)
        x = conv(x, next(w))
        for stage, groups in enumerate(SIZES["groups"][::-1]):
            x = conv(resampled(x, up=False), next(w)) if stage else x
            x = block(x, w, groups)
        x = functional.conv2d(x, next(w).permute(2, 3, 0, 1), groups=x.shape[1])
        return (x.flatten(1) @ next(w))[:, 0]

    def descend(part, loss, step):
        gradients = torch.autograd.grad(loss, weights[part])
        beta = along(BETA, step)
        for weight, moment, gradient in zip(weights[part], second[part], gradients):
            moment.mul_(beta).add_((1 - beta) * gradient**2)
            rate = along(RATE, step) * math.sqrt(1 - beta ** (step + 1))
            weight.data -= rate * gradient / (moment.sqrt() + 1e-4)

    real = np.random.default_rng(2).uniform(-1, 1, (STEPS, 2 * ROWS, 16, 16, 3)).astype("float32")
    for step in range(STEPS):
        like = kerasgan.models.batch.Batch(np.zeros((ROWS, 1)), None)
        z = [
            torch.special.ndtri(torch.tensor(gan.uniform(like, (6,), "latents", *purpose).numpy()))
            for purpose in (("critic", 0), ("generator",))
        ]
        first, later = (
            torch.tensor(real[step, k::2], dtype=torch.float64).permute(0, 3, 1, 2).requires_grad_() for k in (0, 1)
        )
        fake = generator(weights[0], z[0]).detach().requires_grad_()
        on_real, on_fake = critic(weights[1], first), critic(weights[1], fake)
        penalty = sum(
            torch.autograd.grad(logits.sum(), images, create_graph=True)[0].square().sum() / ROWS
            for logits, images in ((on_real, first), (on_fake, fake))
        )
        descend(1, functional.softplus(on_fake - on_real).mean() + along(GAMMA, step) / 2 * penalty, step)
        fake = generator(weights[0], z[1])
        descend(0, functional.softplus(critic(weights[1], later) - critic(weights[1], fake)).mean(), step)
        half_life = along(HALF_LIFE, step)
        keep = 0.5 ** (1 / half_life) if half_life else 0.0
        average = [keep * old + (1 - keep) * new.detach() for old, new in zip(average, weights[0])]
        gan.train_step(tf.constant(real[step]))

    trained = gan.generator.trainable_variables + gan.critic.trainable_variables
    for variable, wanted, old in zip(trained, [*weights[0], *weights[1]], start, strict=True):
        np.testing.assert_allclose(variable, wanted.detach(), atol=1e-4, err_msg=variable.path)
        assert np.abs(variable.numpy() - old.numpy()).max() > 2e-3, variable.path
    for variable, wanted, new in zip(gan.ema_generator.variables, average, weights[0], strict=True):
        np.testing.assert_allclose(variable, wanted, atol=1e-4, err_msg=variable.path)
        assert np.abs(variable.numpy() - new.detach().numpy()).max() > 2e-4


def test_a_stopped_run_goes_on_along_its_schedules(tmp_path):
    real = np.random.default_rng(2).uniform(-1, 1, (2 * ROWS * 3, 16, 16, 3)).astype("float32")
    batches = real.reshape(3, 2 * ROWS, 16, 16, 3)
    straight, stopped = model(), model()
    for batch in batches:
        straight.train_step(tf.constant(batch))
    stopped.train_step(tf.constant(batches[0]))
    stopped.save(tmp_path / "gan.keras")
    resumed = kerasgan.load(tmp_path / "gan.keras")
    assert resumed.get_config()["gamma"] == straight.get_config()["gamma"]
    assert isinstance(resumed.critic_optimizer.schedule, schedules.Cosine)
    for batch in batches[1:]:
        resumed.train_step(tf.constant(batch))
    for one, other in zip(straight.variables, resumed.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6, err_msg=one.path)


@pytest.mark.slow
def test_eight_gaussians_are_all_covered():
    """The paper's claim for its loss (section 3, figure 1 on StackedMNIST): no mode is dropped."""
    keras.utils.set_random_seed(0)
    points = data.eight_gaussians()
    gan = kerasgan.R3GAN(mlp.generator(width=128), mlp.critic(width=128), gamma=0.1, seed=0)
    gan.compile(*(keras.optimizers.Adam(1e-3, beta_1=0.0, beta_2=0.9) for _ in range(2)), steps_per_execution=50)
    gan.fit(points.dataset(256, gan.batches_per_step), steps_per_epoch=3000, verbose=0)
    found = modes(gan.sample(2500, seed=0), points.centres, points.std)
    assert found.covered == 8
    assert found.shares.min() > 0.03 and found.high_quality > 0.5


def test_adam_refuses_a_beta_2_of_1():
    with pytest.raises(ValueError, match=r"beta_2: expected a number in \[0, 1\), or a schedule; got 1.0"):
        ScheduledAdam(beta_2=1.0)
