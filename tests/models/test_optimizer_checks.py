"""What `compile` refuses of optimizers, and how their rates may change."""

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan import callbacks
from kerasgan.models import optimizer_checks
from kerasgan.networks import mlp
from tests.models.sgan_of_points import fit, points_gan


def test_an_optimizers_average_is_refused():
    average = {"use_ema": True, "ema_momentum": 0.9}
    for name in ("generator_optimizer", "critic_optimizer"):
        for wrap in (lambda one: one, keras.optimizers.LossScaleOptimizer):
            gan = kerasgan.SGAN(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8))
            with pytest.raises(ValueError, match=f"{name}: expected use_ema=False; .*ema_decay"):
                gan.compile(**{name: wrap(keras.optimizers.Adam(**average))})


def test_an_optimizer_that_adds_up_over_steps_is_for_one_replica():
    adds_up, plain = keras.optimizers.Adam(gradient_accumulation_steps=2), keras.optimizers.Adam()
    optimizer_checks.optimizers(adds_up, plain, replicas=1)
    for given in (adds_up, keras.optimizers.LossScaleOptimizer(adds_up)):
        with pytest.raises(ValueError, match="critic_optimizer: .* on 2 replicas.*gan.compile"):
            optimizer_checks.optimizers(plain, given, replicas=2)


def test_schedules_in_the_optimizers_are_the_way_to_change_the_rates():
    gan = points_gan()
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.0])
    gan.compile(keras.optimizers.SGD(schedule), keras.optimizers.SGD(0.1))
    seen = []

    class Weights(callbacks.EverySteps):
        def act(self, step, logs):
            seen.append(self.model.generator.trainable_variables[0].numpy())

    fit(gan, Weights(1))
    moved = [float(np.abs(after - before).max()) for before, after in zip(seen, seen[1:])]
    assert moved[0] > 0 and moved[-1] == 0


@pytest.mark.parametrize("given", ["adamm", 2e-4, keras.optimizers.Adam])
def test_what_is_no_optimizer_is_refused_by_its_argument(given):
    """And the model stays as it was: Keras counts it as compiled before the optimizers are looked at."""
    gan = points_gan(gradient_accumulation_steps=2)
    before = gan.critic_optimizer
    with pytest.raises(ValueError, match="^critic_optimizer: expected an object of .*Adam.*got"):
        gan.compile("sgd", given, gradient_accumulation_steps=4)
    assert gan.critic_optimizer is before and gan.gradient_accumulation_steps == 2
    gan = kerasgan.SGAN(gan.generator, gan.critic)
    with pytest.raises(ValueError, match="^generator_optimizer: expected an object"):
        gan.compile(given)
    assert not gan.compiled


def test_an_optimizer_of_another_model_is_refused():
    first, second = points_gan(), points_gan()
    with pytest.raises(ValueError, match="^critic_optimizer: expected a new optimizer; got one .* other variables"):
        second.compile("sgd", first.critic_optimizer)
    first.compile(first.generator_optimizer, first.critic_optimizer)  # its own go on
