"""BigGAN and BigGAN-deep: exact parameter counts, what chunks of z reach, shortcuts, and training.

That the networks compute what the authors' code computes is shown by tests/zoo/convert.
"""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.layers import SelfAttention, SpectralNormalization
from kerasgan.networks import biggan, biggan_deep
from kerasgan.recipes import recipe

RNG = np.random.default_rng(0)


def count(network):
    return sum(math.prod(variable.shape) for variable in network.trainable_variables)


def test_counts_on_cifar_are_studiogans():
    """PyTorch-StudioGAN's logs: BigGAN 9,416,196 and 2,415,170, BigGAN-deep 4,599,876 and 415,010, ch 96, z 80."""
    shape = (32, 32, 3)
    assert count(biggan.generator(shape, 80, 10, attention_size=16)) == 9_416_196
    # StudioGAN's critic is half as wide at 32 pixels as BigGAN-PyTorch's, whose widths are ours
    assert count(biggan.critic(shape, 10, filters=48, attention_size=16)) == 2_415_170
    assert count(biggan_deep.generator(shape, 80, 10, filters=96, attention_size=16)) == 4_599_876
    assert count(biggan_deep.critic(shape, 10, filters=96, attention_size=16)) == 415_010


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (biggan.generator, 70_433_988),
        (biggan.critic, 87_982_370),
        (biggan_deep.generator, 50_244_484),
        (biggan_deep.critic, 34_590_210),
    ],
)
def test_counts_on_imagenet_are_compare_gans(build, expected):
    assert count(build()) == expected


def deep_count(widths, condition, classes, shared_dim, attention_size):
    """Return the parameters of a BigGAN-deep generator, added up by hand."""
    convolution = lambda i, o, k: i * o * k * k + o  # noqa: E731
    total, size = classes * shared_dim + (condition + 1) * 16 * widths[0], 4
    for index, (i, o) in enumerate(zip(widths, widths[1:])):
        middle = i // 4
        total += 2 * condition * (i + 3 * middle)
        total += convolution(i, middle, 1) + 2 * convolution(middle, middle, 3) + convolution(middle, o, 1)
        size *= 1 + index % 2
        if index % 2 and size == attention_size:
            total += 2 * o * (o // 8) + 2 * o * (o // 2) + 1
    return total + 2 * widths[-1] + convolution(widths[-1], 3, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "size", [64, pytest.param(128, marks=pytest.mark.slow), 256, pytest.param(512, marks=pytest.mark.slow)]
)
def test_every_size_of_the_deep_generator_is_the_papers_table(size):
    tables = {
        64: [16, 16, 16, 16, 8, 8, 4, 4, 2],
        128: [16, 16, 16, 16, 8, 8, 4, 4, 2, 2, 1],
        256: [16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1],
        512: [16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1, 1, 1],
    }
    widths = [8 * width for width in tables[size]]
    network = biggan_deep.generator((size, size, 3), latent_dim=12, num_classes=5, filters=8, shared_dim=6)
    assert network.output_shape == (None, size, size, 3)
    assert count(network) == deep_count(widths, 18, 5, 6, 64)


def attention_names(network):
    return [layer.name for layer in network.layers if isinstance(layer, SelfAttention)]


@pytest.mark.parametrize(
    ("family", "size", "attention_size", "expected"),
    [
        (biggan, 32, 8, ["attention", "attention_1", "attention_2"]),
        pytest.param(biggan, 32, 16, ["attention"], marks=pytest.mark.slow),
        pytest.param(biggan, 64, 4, ["attention", "attention_1"], marks=pytest.mark.slow),
        (biggan, 64, [32, 8], ["attention", "attention_1"]),
        pytest.param(
            biggan, 32, (16, 8), ["attention", "attention_1", "attention_2", "attention_3"], marks=pytest.mark.slow
        ),
        (biggan_deep, 32, [16, 4], ["attention", "attention_1"]),
        (biggan, 32, [], []),
        (biggan, 32, "auto", []),
        pytest.param(biggan_deep, 64, "auto", [], marks=pytest.mark.slow),
        pytest.param(biggan, 128, "auto", ["attention"], marks=pytest.mark.slow),
        (biggan_deep, 32, 8, ["attention"]),
        (biggan, 32, None, []),
    ],
)
def test_each_block_of_the_size_has_an_attention_of_its_own(family, size, attention_size, expected):
    critic = family.critic((size, size, 1), None, 8, attention_size=attention_size)
    assert attention_names(critic) == expected
    one = lambda c: 2 * c * (c // 8) + 2 * c * (c // 2) + 1  # noqa: E731  four 1x1 convolutions and gamma
    channels = [critic.get_layer(name).output.shape[-1] for name in expected]
    without = family.critic((size, size, 1), None, 8, attention_size=None)
    assert count(critic) - count(without) == sum(map(one, channels))
    again = keras.Model.from_config(critic.get_config())
    assert attention_names(again) == expected


@pytest.mark.parametrize(
    ("build", "sizes"),
    [
        (biggan.generator, "8, 16, 32"),
        (biggan.critic, "16, 8"),
        (biggan_deep.generator, "8, 16, 32"),
        (biggan_deep.critic, "16, 8, 4"),
    ],
)
@pytest.mark.parametrize("attention_size", [7, 64, 0, [8, 7]])
def test_a_size_that_no_block_has_is_refused(build, sizes, attention_size):
    wrong = 7 if isinstance(attention_size, list) else attention_size
    with pytest.raises(ValueError, match=f'attention_size: expected one of {sizes}, None, "auto"; got {wrong}'):
        build((32, 32, 3), filters=8, attention_size=attention_size)


@pytest.mark.parametrize(
    ("size", "attention_size", "channels"),
    [(32, [8, 16], (32, 32)), (64, [32, 16], (64, 32)), (32, "auto", ()), (64, "auto", (16,)), (64, None, ())],
)
def test_generators_attend_at_the_sizes_that_are_asked_for(size, attention_size, channels):
    """Channels of the features of these sizes, from the paper's table; each attention adds its parameters alone."""
    arguments = {"latent_dim": 20 if size == 64 else 16, "num_classes": None, "filters": 8}
    network = biggan.generator((size, size, 1), attention_size=attention_size, **arguments)
    attended = [layer.output for layer in network.layers if isinstance(layer, SelfAttention)]
    assert sorted(output.shape[-1] for output in attended) == sorted(channels)
    one = lambda c: 2 * c * (c // 8) + 2 * c * (c // 2) + 1  # noqa: E731
    without = biggan.generator((size, size, 1), attention_size=None, **arguments)
    assert count(network) - count(without) == sum(map(one, channels))


def test_all_defaults_fit_all_sizes():
    """A friendly default: nothing but the image's shape is asked for, and z where it is split into chunks."""
    for build in (biggan.critic, biggan_deep.generator, biggan_deep.critic):
        assert not attention_names(build((32, 32, 3), num_classes=None, filters=8))
    assert not attention_names(biggan.generator((32, 32, 3), 120, None, filters=8))


def test_recipes_may_ask_for_several_sizes_one_or_none():
    text = (recipe._ZOO / "biggan_fashion_mnist.yaml").read_text()
    for given, kept in (("[16, 8]", [16, 8]), ("8", 8), ("null", None), ("auto", "auto")):
        plan = recipe.parse(text.replace("attention_size: null", f"attention_size: {given}"))
        assert plan.critic["biggan.critic"]["attention_size"] == kept
    plan = recipe.parse(text.replace(", attention_size: null", ""))
    assert plan.plain()["generator"]["biggan.generator"]["attention_size"] == "auto"
    with pytest.raises(recipe.RecipeError, match="generator.biggan.generator.attention_size"):
        recipe.parse(text.replace("attention_size: null", "attention_size: big"))


@pytest.mark.slow
@pytest.mark.parametrize(("size", "chunks"), [(64, 5), (256, 7), (512, 8)])
def test_other_sizes_of_the_rest_build(size, chunks):
    shape = (size, size, 1)
    assert biggan.generator(shape, 2 * chunks, 3, filters=8, shared_dim=4).output_shape == (None, *shape)
    for family in (biggan, biggan_deep):
        critic = family.critic(shape, 3, filters=8, attention_size=min(64, size // 2))
        assert critic.output_shape == (None, 1)
        assert attention_names(critic) == ["attention"]


def test_a_chunk_of_z_reaches_its_block_alone():
    """The last chunk modulates the last block: with that block's conditions at 0, it changes nothing."""
    network = biggan.generator((32, 32, 3), 8, 3, filters=8, shared_dim=4, attention_size=None)
    z, labels = RNG.normal(size=(2, 8)).astype("float32"), np.array([0, 2])
    moved = z.copy()
    moved[:, 6:] += 1.0
    before = network([z, labels]).numpy()
    assert np.abs(network([moved, labels]).numpy() - before).max() > 1e-3
    for number in (1, 2):
        norm = network.get_layer(f"block_2_norm_{number}")
        for layer in (norm.gain, norm.bias):
            kernel = layer.kernel.numpy()
            kernel[4:] = 0  # the rows of the chunk; the first four are the class embedding's
            layer.kernel.assign(kernel)
    before = network([z, labels]).numpy()
    np.testing.assert_allclose(network([moved, labels]).numpy(), before, atol=1e-6)


def test_weights_start_orthogonal_and_all_but_the_generators_embedding_are_normalized():
    for network in (
        biggan.generator((32, 32, 1), 8, 3, filters=8, attention_size=16),
        biggan_deep.critic((32, 32, 1), 3, filters=8, attention_size=16),
    ):
        wrapped = [layer for layer in network._flatten_layers() if isinstance(layer, SpectralNormalization)]
        kernels = [v for v in network.trainable_variables if v.name == "kernel"]
        assert {id(layer.kernel) for layer in wrapped} >= {id(kernel) for kernel in kernels}
        for kernel in kernels:
            matrix = kernel.numpy().reshape(-1, kernel.shape[-1])
            gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
            np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-4)
        names = [layer.layer.name for layer in wrapped]
        assert "class_embedding" not in names


def test_self_attention_is_the_papers_sum():
    layer = SelfAttention(spectral=False)
    x = RNG.normal(size=(2, 4, 6, 8)).astype("float32")
    layer.build(x.shape)
    np.testing.assert_array_equal(layer(x), x)  # gamma starts at 0
    layer.gamma.assign(0.7)
    query, key, values, out = (v.kernel.numpy()[0, 0] for v in (layer.query, layer.key, layer.values, layer.out))

    def pooled(features):
        return features.reshape(2, 2, 2, 3, 2, -1).max(axis=(2, 4)).reshape(2, 6, -1)

    scores = np.einsum("npc,nqc->npq", (x @ query).reshape(2, 24, -1), pooled(x @ key))
    weights = np.exp(scores) / np.exp(scores).sum(axis=2, keepdims=True)
    attended = (weights @ pooled(x @ values)).reshape(2, 4, 6, 4) @ out
    np.testing.assert_allclose(layer(x), x + 0.7 * attended, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("family", [biggan, pytest.param(biggan_deep, marks=pytest.mark.slow)])
def test_both_train_save_and_load(family, tmp_path):
    keras.utils.set_random_seed(0)
    generator = family.generator((32, 32, 1), 16, 3, filters=4, shared_dim=8, attention_size=16)
    critic = family.critic((32, 32, 1), 3, filters=8, attention_size=16)
    gan = kerasgan.HingeGAN(generator, critic, num_classes=3, critic_steps=2)
    gan.compile()
    before = [v.numpy() for v in generator.trainable_variables + critic.trainable_variables]
    real = RNG.uniform(-1, 1, (32, 32, 32, 1)).astype("float32")
    gan.fit(tf.data.Dataset.from_tensor_slices((real, RNG.integers(0, 3, 32))).batch(16), verbose=0)
    after = [v.numpy() for v in generator.trainable_variables + critic.trainable_variables]
    assert all((old != new).any() for old, new in zip(before, after))
    gan.save(tmp_path / "model.keras")
    again = kerasgan.load(tmp_path / "model.keras")
    np.testing.assert_allclose(gan.sample(3, seed=1).astype(int), again.sample(3, seed=1), atol=1)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="latent_dim: expected a multiple of 4 at 32 pixels; got 90"):
        biggan.generator((32, 32, 3), 90, 10)
    with pytest.raises(ValueError, match="image_shape: expected .* 32, 64, 128, 256, 512"):
        biggan_deep.critic((48, 48, 3))
    for filters in (0, 2):
        with pytest.raises(ValueError, match=f"image_filters: expected an integer of at least 3, got {filters}"):
            biggan_deep.generator((32, 32, 3), filters=8, image_filters=filters)
    for name in ("epsilon", "spectral_epsilon"):
        for value in (-1.0, float("nan"), "x"):
            for build in (biggan.generator, biggan_deep.generator):
                with pytest.raises(ValueError, match=f"^{name}: expected a positive number; got {value!r}"):
                    build((32, 32, 3), filters=8, **{name: value})
    for build in (biggan.critic, biggan_deep.critic):
        with pytest.raises(ValueError, match="spectral_epsilon: expected a positive number; got 0"):
            build((32, 32, 3), filters=8, spectral_epsilon=0)
    with pytest.raises(ValueError, match="inputs: expected even sizes and at least 8 channels"):
        SelfAttention().build((None, 4, 4, 4))
