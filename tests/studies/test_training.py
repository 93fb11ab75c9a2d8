"""The studies' training loop: the order of the data, and what is not a number."""

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.networks import mlp
from kerasgan.studies import training

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config")


def rows_of(values, rows, seed, count):
    return [np.asarray(batch) for batch in training.endless(values, rows, seed).take(count)]


def test_every_pass_has_every_value_once_in_an_order_of_its_own():
    values = np.arange(12, dtype="float32")[:, None]
    batches = rows_of(values, 4, 3, 9)
    passes = [np.concatenate(batches[first : first + 3])[:, 0] for first in (0, 3, 6)]
    for one in passes:
        assert sorted(one) == list(range(12))
    assert not (passes[0] == passes[1]).all() and not (passes[1] == passes[2]).all()


def test_batches_go_on_over_the_end_of_a_pass():
    seen = np.concatenate(rows_of(np.arange(5, dtype="float32")[:, None], 3, 0, 5))[:, 0]
    assert all(sorted(seen[first : first + 5]) == [0, 1, 2, 3, 4] for first in (0, 5, 10))


def test_the_order_depends_on_the_seed_alone():
    values = np.arange(50, dtype="float32")[:, None]
    keras.utils.set_random_seed(1)
    first = rows_of(values, 10, 7, 8)
    keras.utils.set_random_seed(2)
    np.testing.assert_array_equal(first, rows_of(values, 10, 7, 8))
    assert not np.array_equal(first, rows_of(values, 10, 8, 8))


def test_images_come_in_minus_one_to_one_and_points_as_they_are():
    images = np.arange(256, dtype="uint8").reshape(4, 8, 8, 1)
    batch = np.sort(rows_of(images, 4, 0, 1)[0].ravel())
    np.testing.assert_allclose(batch, np.arange(256) / 127.5 - 1, atol=1e-6)
    points = np.full((4, 2), 7.5, "float32")
    np.testing.assert_array_equal(rows_of(points, 4, 0, 1)[0], points)


def small_gan():
    keras.utils.set_random_seed(0)
    gan = kerasgan.SGAN(mlp.generator(width=4, depth=1), mlp.critic(width=4, depth=1))
    gan.compile()
    return gan


@pytest.mark.parametrize(("steps", "execution"), [(7, 25), (6, 4)])
@pytest.mark.usefixtures("eagerly")
def test_exactly_the_steps_asked_for_are_taken(steps, execution, capsys):
    gan = small_gan()
    training.fit(gan, np.zeros((9, 2), "float32"), 4, steps, "small", execution=execution)
    assert int(gan.step.numpy()) == steps
    assert f"small {steps}/{steps}" in capsys.readouterr().out


@pytest.mark.usefixtures("eagerly")
def test_nan_ends_the_training():
    gan = small_gan()
    gan.critic.weights[-1].assign([np.nan])
    with pytest.raises(FloatingPointError, match="critic_loss became nan"):
        training.fit(gan, np.zeros((9, 2), "float32"), 4, 50, "small", execution=5)
    assert int(gan.step.numpy()) < 50
