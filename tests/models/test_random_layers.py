"""Random layers, such as `Dropout`: their states are saved with the model, so that a resumed run draws the same."""

import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan

ROWS = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")


def new(seed=3):
    """A compiled model with random layers in both networks, the same at each call."""
    keras.utils.set_random_seed(0)
    z, x = keras.Input((2,)), keras.Input((2,))
    made = keras.layers.Dense(2)(keras.layers.GaussianNoise(0.3, seed=seed)(keras.layers.Dense(8, "tanh")(z)))
    hidden = keras.layers.Dropout(0.5, seed=seed)(keras.layers.Dense(8, "tanh")(x))
    encoder = keras.Sequential([keras.Input((8,)), keras.layers.Dropout(0.3, seed=seed), keras.layers.Dense(1)])
    gan = kerasgan.SGAN(keras.Model(z, made), keras.Model(x, encoder(hidden)))
    gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05))
    return gan


def fit(gan, first, last):
    gan.fit(tf.data.Dataset.from_tensor_slices(ROWS[first:last]).batch(16), verbose=0)
    return gan


def weights(gan):
    return [variable.numpy() for variable in gan.variables]


def check(tmp_path, seed=3):
    """Assert that a run that is saved and loaded goes on as one that is not."""
    straight, stopped = fit(new(seed), 0, 64), fit(new(seed), 0, 32)
    stopped.save(tmp_path / "a.keras")
    resumed = kerasgan.load(tmp_path / "a.keras")
    states = [variable for variable in resumed.variables if variable.name == "seed_generator_state"]
    assert len(states) >= 3 and max(variable.numpy()[1] for variable in states) > 0
    fit(resumed, 32, 64)
    for one, two in zip(weights(straight), weights(resumed), strict=True):
        np.testing.assert_array_equal(one, two)
    return resumed


def test_a_resumed_run_draws_what_the_uninterrupted_one_draws(tmp_path):
    check(tmp_path)


def test_layers_without_a_seed_go_on_too(tmp_path):
    """Their seed is drawn when they are made, so it is in the file alone."""
    stopped = fit(new(None), 0, 32)
    stopped.save(tmp_path / "a.keras")
    resumed = [fit(kerasgan.load(tmp_path / "a.keras"), 32, 64) for _ in range(2)]
    fit(stopped, 32, 64)
    for one, two, three in zip(weights(stopped), *map(weights, resumed), strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


def test_the_end_of_data_of_unknown_length_is_no_step():
    """Keras asks for data once more after the last; nothing is drawn for that."""
    known, unknown = fit(new(), 0, 64), new()
    unknown.fit(tf.data.Dataset.from_tensor_slices(ROWS).batch(16).filter(lambda rows: True), verbose=0)
    for one, two in zip(weights(known), weights(unknown), strict=True):
        np.testing.assert_array_equal(one, two)


def test_weights_files_hold_the_states(tmp_path):
    first, second = fit(new(), 0, 32), new()
    first.save_weights(tmp_path / "a.weights.h5")
    second.load_weights(tmp_path / "a.weights.h5")
    for one, two in zip(weights(fit(first, 32, 64)), weights(fit(second, 32, 64)), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_file_without_the_states_still_loads(tmp_path, monkeypatch):
    """As versions before wrote it."""
    with monkeypatch.context() as before:
        before.delattr(kerasgan.models.gan.GAN, "save_own_variables")
        gan = fit(new(), 0, 32)
        gan.save(tmp_path / "a.keras")
    loaded = kerasgan.load(tmp_path / "a.keras")
    np.testing.assert_array_equal(loaded.sample(4), gan.sample(4))


@pytest.mark.slow
def test_a_resumed_run_on_two_replicas_draws_the_same():
    root = pathlib.Path(__file__).parents[2]
    subprocess.run([sys.executable, "-m", "tests.models.test_random_layers"], check=True, timeout=300, cwd=root)


def main():
    """Check on two replicas, in a process of its own."""
    import tempfile

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    with tempfile.TemporaryDirectory() as folder, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        check(pathlib.Path(folder))


if __name__ == "__main__":
    main()
