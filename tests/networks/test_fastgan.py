"""FastGAN's generator: what autonomousvision/projected-gan computes, sizes, noise, and the model around it."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.layers import NoiseInjection, SpectralNormalization
from kerasgan.networks import fastgan, mlp
from tests.data.record_projected_gan import drawn, signs, thinned, weights

RECORDING = pathlib.Path(__file__).parents[1] / "data" / "projected_gan.npz"
LABELS = np.array([0, 1, 1, 0], "int32")


class Recorded:
    """Gives a network the weights of the recording, and compares gradients with it.

    Args:
        prefix: of the names there.
        names: our weights' paths, or objects of theirs, to names there.
    """

    def __init__(self, prefix):
        self.prefix, self.given = prefix, []
        self.recording = np.load(RECORDING)

    def __getitem__(self, name):
        return self.recording[f"{self.prefix}/{name}"]

    def give(self, variable, name, shape=None, axes=None, to=None):
        """Set a variable to a weight: of a PyTorch shape, its axes in our order, or any reshaping `to` of ours."""
        shape = shape or tuple(variable.shape)
        turn = (lambda value: value.transpose(axes)) if axes else (lambda value: value.reshape(variable.shape))
        variable.assign(turn(weights(f"{self.prefix}.{name}", shape)))
        self.given.append((variable, name, lambda: turn(signs(f"{self.prefix}.{name}", shape))))

    def convolution(self, layer, name, bias=False):
        """Set a spectrally normalized layer, and let u and v take the step that PyTorch's take."""
        kernel = layer.kernel
        if isinstance(layer.layer, keras.layers.Conv2DTranspose):
            height, width, outputs, inputs = kernel.shape
            self.give(kernel, f"{name}.weight", (inputs, outputs, height, width), (2, 3, 1, 0))
        elif isinstance(layer.layer, keras.layers.Conv2D):
            height, width, inputs, outputs = kernel.shape
            self.give(kernel, f"{name}.weight", (outputs, inputs, height, width), (2, 3, 1, 0))
        else:
            self.give(kernel, f"{name}.weight", tuple(kernel.shape)[::-1], (1, 0))
        if bias:
            self.give(layer.layer.bias, f"{name}.bias")
        layer.u.assign(weights(f"{self.prefix}.{name}.weight_u", tuple(layer.u.shape)))
        layer.update()

    def compare_gradients(self, gradients, variables, rtol=2e-3):
        """Compare the product of each gradient with random signs; one name may have several variables here."""
        by_id = {id(variable): gradient for variable, gradient in zip(variables, gradients, strict=True)}
        assert len(by_id) == len({id(variable) for variable, _, _ in self.given if variable.trainable})
        found, sizes = {}, {}
        for variable, name, own_signs in self.given:
            gradient = np.asarray(tf.convert_to_tensor(by_id[id(variable)]))
            found[name] = found.get(name, 0.0) + (gradient * own_signs()).sum()
            sizes[name] = sizes.get(name, 0.0) + np.linalg.norm(gradient)
        recorded = [name for name in self.recording.files if name.startswith(f"{self.prefix}/gradient/")]
        assert {name.removeprefix(f"{self.prefix}/gradient/{self.prefix}.") for name in recorded} == set(found)
        scalars = {name for variable, name, _ in self.given if variable.ndim == 0}
        for name, value in found.items():
            error = abs(value - self[f"gradient/{self.prefix}.{name}"])
            terms = 10 if name in scalars or name.endswith(".bias") else 1  # sums of very many terms, which cancel
            assert error < terms * rtol * max(sizes[name], 1e-3), f"{name}: off by {error}, of {sizes[name]}"
        return sizes


def recorded_generator(size, classes):
    """Return our generator with the weights of the recording."""
    recorded = Recorded(f"G{size}")
    network = fastgan.generator((size, size, 3), 16, classes, filters=2)
    layer = {found.name: found for found in network.layers}
    recorded.convolution(layer["first"], "synthesis.init.init.0")
    for part, ours in (("weight", "gamma"), ("bias", "beta")):
        recorded.give(getattr(layer["first_norm"], ours), f"synthesis.init.init.1.{part}")
    for level in range(1, int(np.log2(size)) - 1):
        side = 4 * 2**level
        for place, part in enumerate("ab"):
            block, noise = f"synthesis.feat_{side}", layer[f"block_{level}{part}_noise"]
            conv, norm, weight = f"{1 + 4 * place}", f"{3 + 4 * place}", f"{2 + 4 * place}"
            if classes:
                conv, norm, weight = f"conv{place + 1}", f"bn{place + 1}", "noise"
            recorded.convolution(layer[f"block_{level}{part}"], f"{block}.{conv}")
            recorded.give(noise.weight, f"{block}.{weight}.weight", (1,))
            noise.fixed.assign(drawn(f"G{size} noise {side} {place}", (side, side))[..., None])
            normalization = layer[f"block_{level}{part}_norm"]
            if classes:
                recorded.convolution(normalization.gain, f"{block}.{norm}.gain", bias=True)
                recorded.convolution(normalization.bias, f"{block}.{norm}.bias", bias=True)
            else:
                recorded.give(normalization.gamma, f"{block}.{norm}.weight")
                recorded.give(normalization.beta, f"{block}.{norm}.bias")
        if level > 3:
            recorded.convolution(layer[f"excitation_{level}_a"], f"synthesis.se_{side}.main.1")
            recorded.convolution(layer[f"excitation_{level}_b"], f"synthesis.se_{side}.main.3")
    recorded.convolution(layer["image"], "synthesis.to_big", bias=True)
    if classes:
        recorded.give(layer["class_embedding"].embeddings, "synthesis.embed.weight")
    return network, recorded


@pytest.mark.parametrize(("size", "classes"), [(256, None), (128, 2)])
def test_images_and_all_gradients_are_those_recorded(size, classes):
    network, recorded = recorded_generator(size, classes)
    z = drawn(f"G{size} z", (4, 16))
    with tf.GradientTape() as tape:
        image = network(z if classes is None else [z, LABELS], training=True)
        loss = tf.reduce_sum(image * drawn(f"G{size} loss", (4, 3, size, size)).transpose(0, 2, 3, 1))
    wanted = recorded["image"]
    np.testing.assert_allclose(thinned(image.numpy().transpose(0, 3, 1, 2)), wanted, atol=1e-4 * np.abs(wanted).max())
    sizes = recorded.compare_gradients(tape.gradient(loss, network.trainable_variables), network.trainable_variables)
    assert sum(size == 0 for size in sizes.values()) <= 1  # a kernel of one number is 1 when it is normalized


@pytest.mark.parametrize(
    ("shape", "first", "doublings"),
    [
        ((8, 8, 1), (4, 4), 1),
        ((28, 28, 1), (7, 7), 2),
        ((32, 64, 4), (4, 8), 3),
        ((45, 70, 3), (6, 9), 3),
        pytest.param((64, 64, 3), (4, 4), 4, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("lite", [False, True])
def test_any_size(shape, first, doublings, lite):
    network = fastgan.generator(shape, 5, filters=1, lite=lite)
    assert network.output_shape == (None, *shape)
    assert tuple(network.get_layer("first").output.shape[1:3]) == first
    noises = [layer for layer in network.layers if isinstance(layer, NoiseInjection)]
    assert len(noises) == (0 if lite else 2 * doublings)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert not convolutions, "all are spectrally normalized"
    assert np.isfinite(network(np.ones((2, 5), "float32"), training=True)).all()


def test_no_two_kernels_begin_alike():
    keras.utils.set_random_seed(3)
    network = fastgan.generator((32, 32, 3), 5, filters=4)
    kernels = [layer.kernel.numpy().ravel()[:8] for layer in network.layers if isinstance(layer, SpectralNormalization)]
    assert len({kernel.tobytes() for kernel in kernels}) == len(kernels)
    first = network.get_layer("block_1b").kernel.numpy()
    assert np.abs(first).max() <= 1 / np.sqrt(9 * 32) and first.std() == pytest.approx(1 / np.sqrt(3 * 9 * 32), rel=0.1)


def test_only_the_direction_of_z_counts():
    network = fastgan.generator((16, 16, 3), 6, filters=2)
    z = np.random.default_rng(0).standard_normal((3, 6)).astype("float32")
    np.testing.assert_allclose(network(z), network(5 * z), atol=1e-5)
    assert np.abs(network(z) - network(-z)).max() > 1e-3


@pytest.mark.parametrize("shape", [(7, 8, 3), (32, 32), (32, 32, 0), (2000, 1800, 3), 32, (32.0, 32.0, 1), (8, 8, "1")])
def test_sizes_that_cannot_be_are_refused(shape):
    with pytest.raises(ValueError, match="image_shape: expected"):
        fastgan.generator(shape)


@pytest.mark.parametrize("epsilon", [0.0, -1.0, float("nan"), "x"])
def test_an_epsilon_that_is_not_positive_is_named(epsilon):
    with pytest.raises(ValueError, match="epsilon: expected a positive number; got"):
        fastgan.generator((8, 8, 3), epsilon=epsilon)


# Noise, in a model


def noisy_gan(seed=0, **arguments):
    """Return a model whose noise has weight, compiled."""
    keras.utils.set_random_seed(1)
    generator = fastgan.generator((8, 8, 1), 4, filters=1)
    images = keras.Input((8, 8, 1))
    logits = keras.layers.Dense(1)(keras.layers.Flatten()(images))
    gan = kerasgan.HingeGAN(generator, keras.Model(images, logits), seed=seed, **arguments)
    for layer in generator.layers:
        if isinstance(layer, NoiseInjection):
            layer.weight.assign(1.0)
    gan.compile(*(keras.optimizers.SGD(0.05) for _ in range(2)), run_eagerly=True)
    return gan


def without_noise(gan):
    for layer in gan.generator.layers:
        if isinstance(layer, NoiseInjection):
            layer.weight.assign(0.0)
    return gan


def real(rows=6):
    return np.random.default_rng(2).uniform(-1, 1, (rows, 8, 8, 1)).astype("float32")


def test_a_step_draws_noise_for_each_image_and_purpose_by_its_key():
    fakes = lambda gan, *purpose: gan.fake(kerasgan.models.batch.Batch(real(), None), *purpose).images.numpy()  # noqa: E731
    gan, again, quiet = noisy_gan(), noisy_gan(), without_noise(noisy_gan())
    made = fakes(gan, "critic", 0)
    np.testing.assert_array_equal(made, fakes(again, "critic", 0))
    assert np.abs(made - fakes(noisy_gan(seed=1), "critic", 0)).max() > 1e-3
    assert np.abs(made - fakes(quiet, "critic", 0)).max() > 1e-3
    layer = gan.generator.get_layer("block_1a_noise")
    x = np.zeros((6, 8, 8, 2), "float32")
    with kerasgan.utils.keyed_random.giving(
        lambda shape, *name: gan.uniform(kerasgan.models.batch.Batch(x, None), shape, *name, "a")
    ):
        noise = layer(x).numpy()
    assert np.abs(noise[0] - noise[1]).max() > 0.1 and np.ptp(noise, axis=-1).max() == 0
    numbers = gan.uniform(kerasgan.models.batch.Batch(x, None), (8, 8, 1), "block_1a_noise", "a")
    np.testing.assert_allclose(noise[..., :1], kerasgan.latents.normal(numbers), atol=1e-6)
    np.testing.assert_array_equal(layer(x)[0, ..., :1], layer.fixed)


@pytest.mark.slow
def test_an_image_is_its_seeds_whatever_the_batch_and_after_loading(tmp_path):
    gan = noisy_gan()
    gan.fit(real(), batch_size=3, verbose=0)
    images = gan.sample(6, seed=3)
    np.testing.assert_array_equal(images[4:5], gan.sample(1, seed=7))
    assert len(np.unique(images, axis=0)) == 6
    gan.save(tmp_path / "a.keras")
    loaded = kerasgan.load(tmp_path / "a.keras")
    np.testing.assert_array_equal(images, loaded.sample(6, seed=3, batch_size=1))
    gan.export(tmp_path / "1")
    served = tf.saved_model.load(tmp_path / "1").signatures["serving_default"]
    made = served(seed=tf.range(3, 9, dtype=tf.int64), truncation=tf.fill([6], np.inf))["images"].numpy()
    assert np.abs(made.astype(int) - images).max() <= 1


def test_a_resumed_run_draws_the_same_noise(tmp_path):
    straight, stopped = noisy_gan(), noisy_gan()
    data = tf.data.Dataset.from_tensor_slices(real(9)).batch(3)
    straight.fit(data, verbose=0)
    stopped.fit(data.take(1), verbose=0)
    stopped.save(tmp_path / "a.keras")
    resumed = kerasgan.load(tmp_path / "a.keras")
    resumed.fit(data.skip(1), verbose=0)
    for one, other in zip(straight.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


def test_parts_of_a_batch_have_the_noise_of_the_whole():
    gan, z = noisy_gan(), keras.ops.zeros((6, 4))
    layer = gan.generator.get_layer("block_1a_noise")

    def noise(first, last, whole):
        part = kerasgan.models.batch.Batch(z[first:last], None, (first, 6), whole)
        with kerasgan.utils.keyed_random.giving(lambda shape, *name: gan.uniform(part, shape, *name, "critic", 0)):
            return layer(np.zeros((last - first, 8, 8, 1), "float32")).numpy()

    np.testing.assert_array_equal(np.concatenate([noise(0, 2, False), noise(2, 6, False)]), noise(0, 6, True))


def test_what_leaves_is_in_range_and_what_trains_is_not_bounded():
    gan = kerasgan.HingeGAN(fastgan.generator((8, 8, 1), 4, filters=1), _critic())
    image = gan.generator.get_layer("image")
    image.layer.bias.assign([3.0])
    gan.reset_average()
    z = np.ones((2, 4), "float32")
    assert gan.generator(z).numpy().max() > 1.5
    assert gan(z).numpy().max() == 1.0 and gan.sample(2).max() == 255
    image.layer.bias.assign([np.inf])
    gan.reset_average()
    with pytest.warns(kerasgan.models.finite.NotFiniteWarning):
        gan.sample(1)


def test_points_are_not_clipped():
    sampler = kerasgan.Sampler(mlp.generator((2,), 4, width=8))
    sampler.generator.layers[-2].bias.assign([3.0, -3.0])
    assert np.abs(sampler(np.zeros((1, 4), "float32"))).max() > 2.0


def _critic():
    images = keras.Input((8, 8, 1))
    return keras.Model(images, keras.layers.Dense(1)(keras.layers.Flatten()(images)))
