"""What all objectives share: averages, keyed noise, sampling, saving, resuming, and clear errors."""

import inspect
import typing

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.models import gan as gan_module
from kerasgan.networks import dcgan
from tests import points


def weights(gan):
    return {f"variable {i}": v.numpy() for i, v in enumerate(gan.variables)}


def dataset(images, batch=16):
    return tf.data.Dataset.from_tensor_slices(images).batch(batch, drop_remainder=True)


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name in left:
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)


def test_average_is_the_recurrence_over_trainable_variables(small_gan, images):
    gan = small_gan(ema_decay=0.3)
    expected = [v.numpy() for v in gan.generator.trainable_variables]
    for t in range(3):
        gan.fit(dataset(images[:16]), verbose=0)
        decay = min(0.3, (1 + t) / (10 + t))
        now = [v.numpy() for v in gan.generator.trainable_variables]
        expected = [decay * old + (1 - decay) * new for old, new in zip(expected, now)]
    pairs = dict(zip((v.path for v in gan.generator.variables), gan.ema_generator.variables))
    for variable, value in zip(gan.generator.trainable_variables, expected):
        np.testing.assert_allclose(pairs[variable.path].numpy(), value, atol=1e-6)
        assert np.abs(value - variable.numpy()).max() > 1e-6


def test_without_average_samples_come_from_the_generator(small_gan, images):
    gan = small_gan(ema_decay=None)
    gan.fit(dataset(images), verbose=0)
    z = np.random.default_rng(0).standard_normal((3, 8)).astype("float32")
    np.testing.assert_array_equal(gan(z), gan.generator(z, training=False))


def test_same_seed_trains_the_same_and_another_seed_does_not(small_gan, images):
    first, second, third = small_gan(seed=4), small_gan(seed=4), small_gan(seed=5)
    for gan in (first, second, third):
        gan.fit(dataset(images), verbose=0)
    assert_same(weights(first), weights(second))
    assert any((weights(first)[name] != value).any() for name, value in weights(third).items())


@pytest.mark.parametrize("objective", [getattr(kerasgan, name) for name in kerasgan.objectives.__all__])
def test_every_objective_passes_the_arguments_of_gan_on(objective):
    """By name; generator, critic and prior by place too. `GANArguments` names what GAN takes."""
    of_gan = set(typing.get_type_hints(gan_module.GANArguments))
    assert of_gan == set(inspect.signature(kerasgan.GAN.__init__).parameters) - {"self", "generator", "critic"}
    own = inspect.signature(objective.__init__).parameters
    assert list(own)[:4] == ["self", "generator", "critic", "latent"]
    passes_on = any(one.kind is one.VAR_KEYWORD for one in own.values())
    assert passes_on or of_gan <= set(own)


@pytest.mark.parametrize("objective", ["SGAN", "WGANGP"])
def test_a_trained_models_file_keeps_its_class_names(small_gan, tmp_path, objective):
    gan = small_gan(getattr(kerasgan, objective), num_classes=3, class_names=["cat", "dog", "owl"])
    gan.save(tmp_path / "a.keras")
    again = kerasgan.load(tmp_path / "a.keras")
    assert again.class_names == ("cat", "dog", "owl") and type(again) is type(gan)
    assert kerasgan.models.standing_statistics.copied(again).class_names == again.class_names
    np.testing.assert_array_equal(again.sample(2, labels=["owl", "cat"]), gan.sample(2, labels=[2, 0]))
    with pytest.raises(ValueError, match="class_names: expected 3 names, one a class; got 2: 'cat', 'dog'"):
        small_gan(getattr(kerasgan, objective), num_classes=3, class_names=["cat", "dog"])


class Older(kerasgan.GAN):
    """An objective of a user that was written before class names and several generator steps."""

    def __init__(
        self,
        generator,
        critic,
        latent=None,
        num_classes=None,
        critic_steps=1,
        ema_decay=0.9,
        seed=0,
        techniques=(),
        name=None,
    ):
        super().__init__(generator, critic, latent, num_classes, critic_steps, ema_decay, seed, techniques, name=name)


def test_a_users_objective_need_not_take_them(small_gan):
    gan = small_gan(Older, num_classes=2)
    gan.class_names = ["a", "b"]
    again = Older.from_config(gan.get_config())
    assert again.class_names == ("a", "b") and again.generator_steps == 1


@pytest.mark.parametrize(
    ("objective", "critic_steps"), [pytest.param("SGAN", 2, marks=pytest.mark.slow), ("WGANGP", 1)]
)
def test_saved_and_loaded_model_goes_on_as_if_never_stopped(small_gan, images, objective, critic_steps, tmp_path):
    objective = getattr(kerasgan, objective)
    straight, stopped = (small_gan(objective, critic_steps=critic_steps) for _ in range(2))
    straight.fit(dataset(images), verbose=0)
    stopped.fit(dataset(images[:16]), verbose=0)
    stopped.save(tmp_path / "model.keras")
    resumed = kerasgan.load(tmp_path / "model.keras")
    assert type(resumed) is objective and int(resumed.step.numpy()) == 1
    resumed.fit(dataset(images[16:]), verbose=0)
    assert_same(weights(straight), weights(resumed))
    np.testing.assert_array_equal(straight.sample(4, seed=1), resumed.sample(4, seed=1))


def test_weights_file_round_trip(small_gan, images, tmp_path):
    gan = small_gan()
    gan.fit(dataset(images), verbose=0)
    gan.save_weights(tmp_path / "model.weights.h5")
    other = small_gan()
    assert (other.sample(4) != gan.sample(4)).any()
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same(weights(gan), weights(other))
    np.testing.assert_array_equal(
        gan.generator_optimizer.variables[2].numpy(), other.generator_optimizer.variables[2].numpy()
    )


def test_config_holds_every_argument(small_gan):
    arguments = {"num_classes": 3, "critic_steps": 4, "ema_decay": None, "seed": 9, "name": "mine"}
    for objective, own in ((kerasgan.SGAN, {"minimax": True}), (kerasgan.WGANGP, {"penalty_weight": 0.5})):
        gan = small_gan(objective, **arguments, **own)
        config = gan.get_config()
        assert {name: config[name] for name in {**arguments, **own}} == {**arguments, **own}
        again = objective.from_config(config)
        assert again.get_config() == config


def test_compile_takes_optimizers_and_they_survive_saving(small_gan, tmp_path):
    gan = small_gan()
    gan.compile(keras.optimizers.SGD(0.5, momentum=0.25), "rmsprop", steps_per_execution=2)
    gan.save(tmp_path / "model.keras")
    again = kerasgan.load(tmp_path / "model.keras")
    assert again.generator_optimizer.get_config() == gan.generator_optimizer.get_config()
    assert isinstance(again.critic_optimizer, keras.optimizers.RMSprop) and again.steps_per_execution == 2
    one = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="critic_optimizer: expected another object"):
        gan.compile(one, one)


def test_an_image_depends_on_its_own_seed_label_and_truncation(small_gan):
    gan = small_gan(num_classes=3)
    seeds, labels, bounds = [7, 8, 2**50], [0, 2, 1], [0.5, 1.0, 2.0]
    together = gan.sample(3, seed=seeds, labels=labels, truncation=bounds).astype(int)
    for row in range(3):
        alone = gan.sample(1, seed=seeds[row], labels=labels[row], truncation=bounds[row]).astype(int)
        assert np.abs(together[row] - alone[0]).max() <= 1
    np.testing.assert_array_equal(gan.sample(2, seed=7), gan.sample(2, seed=[7, 8]))
    batched = gan.sample(3, seed=seeds, labels=labels, truncation=bounds, batch_size=2).astype(int)
    assert np.abs(batched - together).max() <= 1
    assert (gan.sample(1, labels=0) != gan.sample(1, labels=1)).any()
    assert (gan.sample(1, labels=0, truncation=0.1) != gan.sample(1, labels=0)).any()
    np.testing.assert_array_equal(gan.sample(4), gan.sample(4, labels=[0, 1, 2, 0]))


def test_sample_is_the_generator_on_the_priors_latents(small_gan):
    from kerasgan.utils import keyed_random

    gan = small_gan()
    z = gan.latent(keyed_random.uniform_rows(tf.constant([5, 6], tf.int64), 8, ("sample", "latents")))
    expected = np.floor((gan.ema_generator(z, training=False).numpy() + 1) * 127.5 + 0.5)
    assert np.abs(gan.sample(2, seed=5).astype(float) - expected).max() <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n: expected an integer of at least 1, got 0"),
        ({"n": 2, "seed": [1, 2, 3]}, "seed: expected one number or 2"),
        ({"n": 2, "seed": 0.5}, "seed: expected integers"),
        ({"n": 2, "truncation": 0}, "truncation: expected positive numbers; got 0"),
        ({"n": 2, "truncation": [1, float("nan")]}, "truncation: expected positive"),
        ({"n": 2, "labels": 3}, r"labels: expected integers in \[0, 3\); got 3"),
        ({"n": 2, "labels": [0, -1]}, r"labels: expected integers in \[0, 3\)"),
        ({"n": 2, "labels": range(5)}, "labels: expected one number or 2"),
    ],
)
def test_sample_names_what_is_wrong(small_gan, arguments, message):
    with pytest.raises(ValueError, match=message):
        small_gan(num_classes=3).sample(**arguments)


def test_labels_for_an_unconditional_model_are_refused(small_gan):
    with pytest.raises(ValueError, match="labels: expected None, as the model is unconditional"):
        small_gan().sample(2, labels=[0, 1])


def own_networks(generator_end=None, critic_end=None):
    """Networks of 8 x 8 images, with functions of what they end in otherwise."""
    image, z = keras.Input((8, 8, 1)), keras.Input((4,))
    flat, features = keras.layers.Dense(64, name="levels")(z), keras.layers.Flatten()(image)
    if generator_end is None:
        generator_end = lambda x: keras.layers.Reshape((8, 8, 1))(keras.layers.Activation("tanh")(x))  # noqa: E731
    end = keras.layers.Dense(1) if critic_end is None else critic_end
    return keras.Model(z, generator_end(flat)), keras.Model(image, end(features))


@pytest.mark.parametrize("activation", ["sigmoid", "hard_sigmoid", "softmax"])
def test_a_critic_that_gives_probabilities_is_refused(activation):
    layers = keras.layers
    ends = [
        layers.Dense(1, activation=activation),
        lambda x: layers.Activation(activation)(x[:, :1]),
        lambda x: layers.Activation(activation)(x)[:, :1],
        lambda x: getattr(keras.ops, activation)(layers.Dense(1)(x)),
        lambda x: layers.Reshape((1,))(layers.Dropout(0.1)(layers.Dense(1, activation=activation)(x))),
    ]
    for end in ends:
        with pytest.raises(ValueError, match=f"critic: expected logits.* activation {activation}: leave it out"):
            kerasgan.SGAN(*own_networks(critic_end=end))


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "softplus"])
def test_a_generator_of_images_in_0_to_1_is_refused(activation):
    layers = keras.layers
    image = layers.Reshape((8, 8, 1))
    z = keras.Input((4,))
    inner = keras.Model(z, layers.Activation(activation)(image(layers.Dense(64)(z))))
    ends = [
        lambda x: layers.Conv2D(1, 1, activation=activation)(image(x)),
        lambda x: image(layers.Dense(64, activation=activation)(x)),
        lambda x: getattr(keras.ops, activation)(image(x)),
        lambda x: inner(layers.Dense(4)(x)),
    ]
    ends += [lambda x: layers.ReLU()(image(x))] if activation == "relu" else []
    for end in ends:
        with pytest.raises(ValueError, match=f"generator: expected images in .*{activation}, which never .* tanh"):
            kerasgan.SGAN(*own_networks(end))


def test_a_generator_may_end_in_what_gives_numbers_below_0():
    image, relu = keras.layers.Reshape((8, 8, 1)), keras.layers.ReLU
    for end in (relu(negative_slope=0.1), keras.layers.LeakyReLU(), keras.layers.Rescaling(2.0, -1.0)):
        kerasgan.SGAN(*own_networks(lambda x, end=end: end(image(keras.ops.sigmoid(x)))))


def test_a_generator_of_integers_is_refused():
    def end(x):
        return keras.layers.Reshape((8, 8, 1))(keras.ops.cast(keras.ops.tanh(x), "uint8"))

    with pytest.raises(ValueError, match="generator: expected floats, which have gradients; it gives uint8"):
        kerasgan.SGAN(*own_networks(end))


def test_images_with_channels_first_are_refused():
    """`DiffAugment` and pictures would take the channels for rows."""
    convolution = keras.layers.Conv2D(1, 1, data_format="channels_first")
    z = keras.Input((4,))
    made = convolution(keras.layers.Reshape((2, 8, 8))(keras.layers.Dense(128)(z)))
    with pytest.raises(ValueError, match=r"generator: expected images \[N, H, W, C\]; .* \(1, 8, 8\), channels first"):
        kerasgan.Sampler(keras.Model(z, made))
    last = keras.layers.Permute((2, 3, 1))(made)
    assert kerasgan.Sampler(keras.Model(z, last)).image_shape == (8, 8, 1)


def test_a_technique_that_is_given_later_is_refused(small_gan, images):
    """It was trained with, without its `attach`, so that it had no weights and no check."""
    gan = small_gan()
    gan.fit(dataset(images[:16]), verbose=0)
    gan.techniques = [kerasgan.techniques.FeatureMatching(order=1, name="late")]
    with pytest.raises(ValueError, match="techniques: expected those that the model was made with; late was given"):
        gan.fit(dataset(images[:16]), verbose=0)
    gan.techniques = []
    gan.fit(dataset(images[:16]), verbose=0)
    assert int(gan.step.numpy()) == 2


def test_networks_that_would_be_computed_again_for_the_gradient_are_refused():
    """Batch norm would take several steps towards the batch's statistics, and dropout's gradient another mask."""
    plain = dcgan.generator((32, 32, 1), 4, filters=4), dcgan.critic((32, 32, 1), filters=4)
    with keras.RematScope(mode="full"):
        again = dcgan.generator((32, 32, 1), 4, filters=4), dcgan.critic((32, 32, 1), filters=4)
    with pytest.raises(ValueError, match="generator: expected layers made outside keras.RematScope"):
        kerasgan.SGAN(again[0], plain[1])
    with pytest.raises(ValueError, match="critic: expected layers made outside keras.RematScope"):
        kerasgan.SGAN(plain[0], again[1])
    with keras.RematScope(mode=None):
        unchanged = dcgan.generator((32, 32, 1), 4, filters=4)
    kerasgan.SGAN(unchanged, plain[1])


def resampling(name, **arguments):
    first = () if "factor" in arguments else ((0.3, 0.3),)
    return getattr(keras.layers, name)(*first, seed=0, **arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomZoom", {"fill_mode": "constant"}),
        ("RandomRotation", {"fill_mode": "constant"}),
        ("RandomPerspective", {"factor": 1.0}),
        ("RandomTranslation", {"width_factor": (0.3, 0.3)}),
        ("RandomShear", {}),
    ],
)
def test_layers_with_the_gradient_of_another_function_are_refused(name, arguments):
    assert error_of_gradient(resampling(name, **arguments)) > 0.05
    generator = dcgan.generator((32, 32, 1), 4, filters=4)
    plain = dcgan.critic((32, 32, 1), filters=4)
    critic = keras.Sequential([keras.Input((32, 32, 1)), keras.Sequential([resampling(name, **arguments)]), plain])
    with pytest.raises(ValueError, match=f"critic: expected layers whose gradients .* {name}, here .* DiffAugment"):
        kerasgan.SGAN(generator, critic)
    again = keras.Sequential([keras.Input((4,)), generator, resampling(name, **arguments)])
    with pytest.raises(ValueError, match="generator: expected layers whose gradients"):
        kerasgan.SGAN(again, plain)


@pytest.mark.parametrize(
    ("name", "arguments"), [("RandomTranslation", {"width_factor": (0.3, 0.3)}), ("RandomShear", {})]
)
def test_layers_that_shift_pixels_and_mirror_nothing_are_taken(name, arguments):
    layer = resampling(name, fill_mode="constant", **arguments)
    assert error_of_gradient(layer) < 1e-4
    plain = dcgan.critic((32, 32, 1), filters=4)
    critic = keras.Sequential([keras.Input((32, 32, 1)), layer, plain])
    kerasgan.SGAN(dcgan.generator((32, 32, 1), 4, filters=4), critic)


def test_a_layer_of_ones_own_may_have_the_name_of_one_of_keras():
    own = type("RandomShear", (keras.layers.Layer,), {"call": lambda self, images: images})
    plain = dcgan.critic((32, 32, 1), filters=4)
    kerasgan.SGAN(
        dcgan.generator((32, 32, 1), 4, filters=4), keras.Sequential([keras.Input((32, 32, 1)), own(), plain])
    )
    derived = type("Mine", (keras.layers.RandomZoom,), {})(0.3)
    with pytest.raises(ValueError, match="critic: expected layers whose gradients .* RandomZoom, here mine"):
        kerasgan.SGAN(
            dcgan.generator((32, 32, 1), 4, filters=4), keras.Sequential([keras.Input((32, 32, 1)), derived, plain])
        )


def error_of_gradient(layer):
    """How far the gradient of <weights, picture that the layer shows> is from right, as a share of its norm.

    The map is linear, so that a right gradient's product with any image is the map's value for it.
    """
    images = tf.constant(np.random.default_rng(0).normal(size=(50, 16, 16, 1)), tf.float32)
    fixed = layer.get_random_transformation(images[:1], training=True)
    weights = tf.constant(np.random.default_rng(1).normal(size=(1, 16, 16, 1)), tf.float32)

    def value(image):
        return tf.reduce_sum(layer.transform_images(image[tf.newaxis], fixed) * weights)

    with tf.GradientTape() as tape:
        tape.watch(images)
        first = value(images[0])
    gradient = tape.gradient(first, images)[0]
    values = np.array([value(image) for image in images])
    products = tf.reduce_sum(gradient * images, axis=(1, 2, 3)).numpy()
    return np.sqrt(np.mean((products - values) ** 2) / np.mean(values**2))


def test_a_layer_of_both_networks_is_refused():
    """Both optimizers would train it, and the file of such a model cannot be loaded."""
    shared = keras.layers.Dense(64, activation="tanh", name="shared")
    networks = own_networks(
        lambda x: keras.layers.Reshape((8, 8, 1))(shared(x)), lambda x: keras.layers.Dense(1)(shared(x))
    )
    with pytest.raises(ValueError, match="critic: expected layers of its own; shared/kernel is the generator's too"):
        kerasgan.SGAN(*networks)


def test_networks_that_do_not_fit_are_named():
    small = dcgan.generator((32, 32, 1), latent_dim=8, filters=2)
    critic = dcgan.critic((32, 32, 1), filters=2)
    with pytest.raises(ValueError, match=r"critic: expected images of shape \(32, 32, 1\).*it takes \(32, 32, 3\)"):
        kerasgan.SGAN(small, dcgan.critic((32, 32, 3), filters=2))
    tells_classes = dcgan.critic((32, 32, 1), num_classes=3, filters=2, auxiliary=True)
    with pytest.raises(ValueError, match=r"critic: .* takes labels too.*techniques=\[.*AuxiliaryClassifier"):
        kerasgan.SGAN(dcgan.generator((32, 32, 1), 4, num_classes=3, filters=2), tells_classes, num_classes=3)
    with pytest.raises(ValueError, match="generator: expected a network that takes labels too"):
        kerasgan.SGAN(small, critic, num_classes=2)
    with pytest.raises(ValueError, match="critic: expected a network that takes one input"):
        kerasgan.SGAN(small, dcgan.critic((32, 32, 1), num_classes=2, filters=2))
    with pytest.raises(ValueError, match="latent: expected dim 8, as the generator takes; got 9"):
        kerasgan.SGAN(small, critic, latent=kerasgan.latents.Normal(9))
    with pytest.raises(ValueError, match="critic: expected one logit an image"):
        kerasgan.SGAN(small, keras.Model(critic.inputs, critic.get_layer("logit").input))
    with pytest.raises(ValueError, match="critic: expected a built keras.Model"):
        kerasgan.SGAN(small, keras.Sequential([keras.layers.Dense(1)]))
    with pytest.raises(ValueError, match="critic_steps: expected an integer of at least 1, got 0"):
        kerasgan.SGAN(small, critic, critic_steps=0)
    with pytest.raises(ValueError, match=r"ema_decay: expected a number in \[0, 1\)"):
        kerasgan.SGAN(small, critic, ema_decay=1.0)


def test_arrays_train_like_the_same_data_in_a_dataset(small_gan, images):
    from_arrays, from_dataset = small_gan(), small_gan()
    from_arrays.fit(images, batch_size=16, epochs=2, verbose=0)
    source = kerasgan.data.arrays(images)
    data = kerasgan.data.load(source, image_size=32, batch_size=16, repeat=True)
    from_dataset.fit(data, epochs=2, steps_per_epoch=3, verbose=0)
    assert int(from_arrays.step.numpy()) == 6
    assert_same(weights(from_arrays), weights(from_dataset))


def test_uint8_and_float_data_are_the_same_and_labels_without_classes_are_ignored(small_gan, images):
    first, second = small_gan(), small_gan()
    first.fit(dataset(images), verbose=0)
    second.fit(dataset((images.astype("float32") / 127.5 - 1, np.zeros(48))), verbose=0)
    assert_same(weights(first), weights(second))


@pytest.mark.slow
def test_xla_takes_the_same_step(small_gan, images):
    plain, compiled = small_gan(), small_gan()
    before = [v.numpy() for v in plain.trainable_variables]
    for gan, jit_compile in ((plain, False), (compiled, True)):
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), jit_compile=jit_compile)
        gan.fit(dataset(images[:16]), verbose=0)
    for one, other, old in zip(plain.trainable_variables, compiled.trainable_variables, before):
        moved = np.abs(one.numpy() - old).max()
        assert moved > 1e-4, one.path
        np.testing.assert_allclose(one.numpy(), other.numpy(), atol=0.01 * moved, err_msg=one.path)


def test_rows_that_do_not_fill_the_minibatches_are_left_out(small_gan, images):
    gan = small_gan(critic_steps=3)
    parts = list(gan.minibatches(tf.constant(images[:8], tf.float32)))
    assert [part.images.shape[0] for part in parts] == [2, 2, 2]
    np.testing.assert_array_equal(parts[1].images, images[[1, 4]])


def test_spectral_normalization_moves_once_an_update_of_its_own_network(images):
    networks = kerasgan.networks.dcgan
    generator = networks.generator((32, 32, 1), latent_dim=8, filters=4)
    critic = networks.critic((32, 32, 1), filters=4, normalization="spectral")
    gan = kerasgan.HingeGAN(generator, critic, critic_steps=2)
    gan.compile(critic_optimizer=keras.optimizers.SGD(0.0))
    [layer] = [found for found in critic.layers if found.name.endswith("logit") or "logit" in str(found.get_config())]
    first = layer.u.numpy(), layer.v.numpy()
    layer.update()
    layer.update()
    twice = layer.u.numpy(), layer.v.numpy()
    layer.u.assign(first[0])
    layer.v.assign(first[1])
    gan.fit(dataset(images[:32], 32), verbose=0)
    np.testing.assert_allclose(layer.u.numpy(), twice[0], atol=1e-6)
    np.testing.assert_allclose(layer.v.numpy(), twice[1], atol=1e-6)
    convolution = next(found for found in critic.layers if isinstance(found, kerasgan.layers.SpectralNormalization))
    before = convolution.u.numpy()
    gan.sample(4)
    critic(np.zeros((2, 32, 32, 1)), training=True)
    np.testing.assert_array_equal(convolution.u.numpy(), before)


FLOATS = np.zeros((16, 32, 32, 1), "float32")
CLASSES = np.zeros(16, "int64")


def test_networks_of_another_number_of_classes_are_told():
    """With too few rows the lookup fails deep in the graph, on a GPU perhaps not at all."""
    networks = dcgan.generator((32, 32, 1), 8, 10, filters=2), dcgan.critic((32, 32, 1), 10, filters=2)
    with pytest.raises(ValueError, match="num_classes: expected at most 10, as layer class_embedding of the generator"):
        kerasgan.SGAN(*networks, num_classes=12)
    with pytest.raises(ValueError, match="num_classes: expected at most 10, as layer class_projection of the critic"):
        kerasgan.SGAN(dcgan.generator((32, 32, 1), 8, 12, filters=2), networks[1], num_classes=12)
    with pytest.warns(UserWarning, match="num_classes: 9, and layer class_projection of the critic has rows for 10"):
        kerasgan.SGAN(*networks, num_classes=9)


@pytest.mark.parametrize(
    ("data", "num_classes", "message"),
    [
        (np.full_like(FLOATS, np.nan), None, "expected finite values; got NaN or infinity"),
        (FLOATS + 255, None, r"expected values in \[-1, 1\]; largest size: 255"),
        (FLOATS[:, :28, :28], None, r"expected batches of images of shape \(32, 32, 1\).*28, 28, 1"),
        (FLOATS[:, 0, 0], None, "expected batches of images of shape"),
        (np.array(["a"] * 16), None, "expected batches of images of shape"),
        (FLOATS.astype("int64"), None, r"expected images as uint8 or as floats in \[-1, 1\]; got int64"),
        (FLOATS, 3, r"expected \(images, labels\), as num_classes=3; got images alone"),
        ((FLOATS, CLASSES + 3), 3, r"expected labels in \[0, 3\); lowest and highest: 3 3"),
        ((FLOATS, CLASSES - 1), 3, r"expected labels in \[0, 3\)"),
        ((FLOATS, CLASSES / 2), 3, "expected integer labels"),
    ],
)
def test_fit_names_what_is_wrong_with_the_data(small_gan, data, num_classes, message):
    gan = small_gan(num_classes=num_classes)
    before = [v.numpy() for v in gan.trainable_variables]
    with pytest.raises(ValueError, match=f"^training data: {message}"):
        gan.fit(dataset(data), verbose=0)
    assert int(gan.step.numpy()) == 0
    for old, variable in zip(before, gan.trainable_variables):
        np.testing.assert_array_equal(old, variable.numpy())


def test_fit_names_what_is_wrong_with_arrays(small_gan, images):
    with pytest.raises(ValueError, match=r"expected images of shape \(32, 32, 1\).*\(28, 28, 1\).*kerasgan.data.load"):
        small_gan().fit(images[:, :28, :28])
    with pytest.raises(ValueError, match="47 labels for 48 images"):
        small_gan(num_classes=2).fit(images, np.zeros(47, int), batch_size=16)
    with pytest.raises(ValueError, match="y: expected labels, as num_classes=2"):
        small_gan(num_classes=2).fit(images, batch_size=16)
    with pytest.raises(ValueError, match="y, batch_size: expected only with arrays"):
        small_gan().fit(dataset(images), batch_size=3)
    with pytest.raises(ValueError, match="x: expected at least 64 rows, batch_size 64 .*got 48"):
        small_gan().fit(images, batch_size=64)


def test_a_damaged_file_is_named(small_gan, tmp_path):
    small_gan().save(tmp_path / "model.keras")
    whole = (tmp_path / "model.keras").read_bytes()
    for name, content in {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"no model"}.items():
        path = tmp_path / f"{name}.keras"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}.keras: not a readable .keras file"):
            kerasgan.load(path)
    with pytest.raises(FileNotFoundError, match="no such file.*absent.keras"):
        kerasgan.load(tmp_path / "absent.keras")
    dcgan.critic((32, 32, 1), filters=2).save(tmp_path / "critic.keras")
    with pytest.raises(ValueError, match="expected a kerasgan model"):
        kerasgan.load(tmp_path / "critic.keras")


def test_a_save_that_fails_leaves_the_old_file(small_gan, tmp_path, monkeypatch):
    gan = small_gan()
    path = tmp_path / "model.keras"
    gan.save(path)
    old = path.read_bytes()

    def full_disk(model, filepath, **arguments):
        filepath.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(filepath))

    monkeypatch.setattr(keras.Model, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        gan.save(path)
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["model.keras"]


def test_an_older_file_is_replaced_unless_that_is_forbidden(small_gan, tmp_path):
    gan, files = small_gan(), (tmp_path / "a.keras", tmp_path / "a.weights.h5")
    for save, path in zip((gan.save, gan.save_weights), files):
        path.write_bytes(b"older")
        with pytest.raises(FileExistsError, match="filepath: .* exists; choose another path, or say overwrite=True"):
            save(path, overwrite=False)
        assert path.read_bytes() == b"older"
        save(path)
        assert path.read_bytes() != b"older"
        path.unlink()
        save(path, overwrite=False)
        assert path.is_file()


def test_a_model_saved_as_a_folder_is_read_by_keras(small_gan, tmp_path):
    gan = small_gan()
    gan.save(tmp_path / "folder", zipped=False)
    with pytest.raises(ValueError, match="folder: expected a .keras file; it is a folder.*keras.saving.load_model"):
        kerasgan.load(tmp_path / "folder")
    again = keras.saving.load_model(tmp_path / "folder")
    np.testing.assert_array_equal(again.sample(2), gan.sample(2))


def test_predict_uses_the_average_as_sample_does():
    gan = points.gan("SGAN")
    gan.compile()
    z = np.random.default_rng(0).normal(size=(5, gan.generator.input_shape[-1])).astype("float32")
    gan.generator.set_weights([weight + 0.1 for weight in gan.generator.get_weights()])
    np.testing.assert_allclose(gan.predict(z, verbose=0), gan.generator(z), rtol=1e-6)
    gan.fit(points.data(gan, 2), verbose=0)
    gan.train_step(next(iter(points.data(gan, 1))))
    before = gan.predict(z, verbose=0)
    gan.prepare_sampling()
    np.testing.assert_array_equal(before, gan.predict(z, verbose=0))


def test_a_loop_index_is_not_compared_with_a_number():
    class Mine(kerasgan.SGAN):
        def critic_step(self, real, k):
            if k == 0:
                super().critic_step(real, k)

    made = points.gan("SGAN")
    gan = Mine(made.generator, made.critic, made.latent, critic_steps=2)
    gan.compile()
    with pytest.raises(TypeError, match="critic_step: k is not known while the graph is built"):
        gan.fit(points.data(gan, 2), verbose=0)


def test_networks_that_take_one_hot_labels_are_refused():
    z, label = keras.Input((4,)), keras.Input((3,))
    generator = keras.Model([z, label], keras.layers.Dense(2)(keras.layers.Concatenate()([z, label])))
    with pytest.raises(ValueError, match="generator: expected its second input to be labels, .*keras.ops.one_hot"):
        kerasgan.SGAN(generator, points.gan("SGAN").critic, num_classes=3)
