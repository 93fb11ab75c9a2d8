"""What `fit` trains on: refused before the first step where it cannot be meant, and else trained on as it is."""

import functools
import warnings
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan
from kerasgan.layers import WeightNormalization
from kerasgan.models import training_data
from kerasgan.networks import dcgan, mlp

RNG = np.random.default_rng(0)


def flat_gan(shape=(8, 8, 1), num_classes=None, objective=kerasgan.SGAN, **arguments):
    """A compiled model of images of a shape, without batch norm, the same at each call."""
    keras.utils.set_random_seed(0)
    z, x, given, seen = keras.Input((4,)), keras.Input(shape), [], []
    made, scored = z, keras.layers.Flatten()(x)
    if num_classes is not None:
        given, seen = [keras.Input((), dtype="int32")], [keras.Input((), dtype="int32")]
        made = keras.layers.Concatenate()([made, keras.layers.Embedding(num_classes, 2)(given[0])])
        scored = keras.layers.Concatenate()([scored, keras.layers.Embedding(num_classes, 2)(seen[0])])
    made = keras.layers.Reshape(shape)(keras.layers.Dense(int(np.prod(shape)), "tanh")(made))
    generator = keras.Model([z, *given] if given else z, made)
    critic = keras.Model([x, *seen] if seen else x, keras.layers.Dense(1)(scored))
    gan = objective(generator, critic, num_classes=num_classes, **arguments)
    gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05), run_eagerly=True)  # no graph to build
    return gan


def points_gan(**arguments):
    keras.utils.set_random_seed(0)
    gan = kerasgan.SGAN(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8), **arguments)
    gan.compile(keras.optimizers.SGD(0.05), keras.optimizers.SGD(0.05), run_eagerly=True)  # no graph to build
    return gan


def batches(values, size=8, **arguments):
    return tf.data.Dataset.from_tensor_slices(values).batch(size, **arguments)


def refused(gan, message, *data, **arguments):
    """Assert that fit refuses, with this message, before any step."""
    with pytest.raises(ValueError, match=message):
        gan.fit(*data, verbose=0, **arguments)
    assert int(gan.step.numpy()) == 0


def trained(gan, data, **arguments):
    """Train, and return all weights."""
    gan.fit(data, verbose=0, **arguments)
    return [variable.numpy() for variable in gan.variables]


def floats(count, low=-1.0, high=1.0, shape=(8, 8, 1)):
    return RNG.uniform(low, high, (count, *shape)).astype("float32")


# Batches that are too small


@pytest.mark.parametrize("rest", [1, 4])
def test_a_last_batch_smaller_than_its_minibatches_is_left_out(rest):
    values = floats(40 + rest)
    gan, other = (flat_gan(objective=kerasgan.WGANGP, critic_steps=5) for _ in range(2))
    with pytest.warns(
        UserWarning, match=f"a batch of {rest} rows is left out.*needs 5, 1 for each of 5 minibatches"
    ) as w:
        found = trained(gan, batches(values, 20), epochs=2)
    assert sum("left out" in str(one.message) for one in w) == 1
    wanted = trained(other, batches(values[:40], 20, drop_remainder=True), epochs=2)
    assert int(gan.step.numpy()) == 4
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_smaller_batch_in_the_middle_is_left_out():
    data = batches(floats(12), 12).concatenate(batches(floats(2), 2)).concatenate(batches(floats(12), 12))
    gan = flat_gan(critic_steps=3)
    with pytest.warns(UserWarning, match="a batch of 2 rows is left out"):
        gan.fit(data, verbose=0)
    assert int(gan.step.numpy()) == 2


def test_a_last_batch_that_is_large_enough_is_trained_on_without_a_warning():
    gan = flat_gan(critic_steps=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gan.fit(batches(floats(12 + 4), 12), verbose=0)
    assert int(gan.step.numpy()) == 2


def test_batches_that_are_all_too_small_are_refused():
    with pytest.warns(UserWarning, match="left out"):
        refused(flat_gan(critic_steps=3), "expected a batch at least; there was none", batches(floats(2)))
    fixed = batches(floats(8), 2, drop_remainder=True)
    refused(flat_gan(critic_steps=3), "expected at least 3 rows a batch.*got 2", fixed)


def test_a_batch_of_one_row_is_a_batch():
    gan = points_gan()
    history = gan.fit(batches(RNG.normal(size=(9, 2)).astype("float32")), verbose=0).history
    assert int(gan.step.numpy()) == 2 and np.isfinite(history["critic_loss"]).all()


def test_a_loop_of_ones_own_is_told_of_too_few_rows():
    gan = flat_gan(critic_steps=3)
    with pytest.raises(ValueError, match="expected at least 3 rows on each replica, 1 a minibatch; got 2"):
        gan.train_step(tf.constant(floats(2)))
    step = tf.function(gan.train_step, input_signature=[tf.TensorSpec([None, 8, 8, 1])])
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected at least 3 rows on each replica"):
        step(tf.constant(floats(2)))


def test_an_empty_dataset_is_refused():
    refused(flat_gan(), "expected a batch at least; there is none", batches(floats(4), 8, drop_remainder=True))
    empty = batches(floats(8)).filter(lambda images: False)
    refused(flat_gan(), "expected a batch at least; there was none", empty)
    x = keras.Input((2,))
    gan = kerasgan.SGAN(mlp.generator((2,), width=4), keras.Model(x, WeightNormalization(keras.layers.Dense(1))(x)))
    gan.compile()
    empty = batches(np.zeros((8, 2), "float32")).filter(lambda points: False)
    refused(gan, "expected a batch at least; there was none to adapt the critic to", empty)


def test_an_endless_dataset_needs_a_number_of_steps():
    gan = flat_gan()
    refused(gan, "steps_per_epoch: expected a number, as the training data have no end", batches(floats(8)).repeat())
    gan.fit(batches(floats(8)).repeat(), steps_per_epoch=3, verbose=0)
    assert int(gan.step.numpy()) == 3


def test_a_generator_of_unknown_length_ends_without_a_warning():
    parts = [floats(8) for _ in range(3)]
    signature = tf.TensorSpec([None, 8, 8, 1], tf.float32)
    data = tf.data.Dataset.from_generator(lambda: iter(parts), output_signature=signature)
    gan, other = flat_gan(), flat_gan()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = trained(gan, data, epochs=2)
    assert int(gan.step.numpy()) == 6
    for one, two in zip(found, trained(other, batches(np.concatenate(parts)), epochs=2), strict=True):
        np.testing.assert_array_equal(one, two)


# Ranges


@pytest.mark.parametrize(
    "values",
    [
        floats(64, 0, 1),
        floats(64, 0, 0.05),
        floats(64, 0.3, 0.9),  # bright: eight images without a dark pixel
        np.concatenate([np.zeros((16, 8, 8, 1), "float32"), floats(48, 0, 1)]),  # black at first
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_a_dataset_of_floats_from_0_to_1_is_refused(values, dtype):
    with pytest.raises(ValueError, match=r"floats must be in \[-1, 1\], but these go from .*in \[0, 1\] give 2 x - 1"):
        flat_gan().fit(batches(values.astype(dtype), 16), verbose=0)


def test_it_is_refused_before_the_first_step_in_the_words_for_arrays():
    values = floats(64, 0, 1)
    refused(flat_gan(), "^training data: floats must be in .* give 2 x - 1$", batches(values, 32))
    refused(flat_gan(), "^x: floats must be in .* give 2 x - 1$", values)


@pytest.mark.parametrize(
    "values",
    [
        floats(16),
        floats(16, -1, -0.95),  # dark
        np.concatenate([floats(4, 0.3, 1), floats(12)]),  # bright at first, then dark
        np.ones((16, 8, 8, 1), "float32"),  # white
        np.zeros((16, 8, 8, 1), "float32"),  # mid-grey
    ],
)
def test_floats_that_may_be_meant_are_trained_on(values):
    gan = flat_gan()
    gan.fit(batches(values, 4), verbose=0)
    assert int(gan.step.numpy()) == 4


def test_other_axes_name_the_way():
    labels, first = np.arange(16), "channels come last: keras.ops.moveaxis"
    channels_first = np.moveaxis(floats(16), -1, 1)
    for given in (channels_first, batches(channels_first, 16)):
        refused(flat_gan(), rf"got \(.*1, 8, 8\).*; {first}", given)
    for given in ([labels, floats(16)], [batches((labels, floats(16)), 16)]):
        refused(flat_gan(num_classes=16), "; images come first, and then their labels$", *given)


def test_uint8_of_0_and_1_alone_is_refused():
    values = RNG.integers(0, 2, (32, 8, 8, 1)).astype("uint8")
    refused(flat_gan(), "^training data: expected values from 0 to 255; got 0 and 1 alone", batches(values, 16))
    refused(flat_gan(), "^x: expected values from 0 to 255; got 0 and 1 alone", values, batch_size=16)
    black = np.zeros((32, 8, 8, 1), "uint8")
    flat_gan().fit(batches(black, 16), verbose=0)
    black[0, 0, 0, 0] = 2
    flat_gan().fit(batches(black, 16), verbose=0)


def test_the_range_of_points_is_free():
    gan = points_gan()
    gan.fit(batches(RNG.uniform(0, 1, (64, 2)).astype("float32")), verbose=0)
    gan.fit(batches(RNG.uniform(0, 100, (64, 2)).astype("float32")), verbose=0)
    assert int(gan.step.numpy()) == 16


# Labels


@pytest.mark.parametrize(
    ("dtype", "column"),
    [("int8", False), ("uint8", True), ("int16", True), ("uint16", False), ("int64", True), ("uint64", False)],
)
def test_integer_labels_of_any_type_are_the_same_classes(dtype, column):
    values, labels = floats(16), np.arange(16) % 5
    wanted = trained(flat_gan(num_classes=200), batches((values, labels.astype("int32"))))
    given = labels.astype(dtype)
    found = trained(flat_gan(num_classes=200), batches((values, given[:, None] if column else given)))
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "bool"])
def test_one_hot_labels_are_their_classes(dtype):
    values, labels = floats(16), np.arange(16) % 3
    wanted = trained(flat_gan(num_classes=3), batches((values, labels)))
    one_hot = np.eye(3)[labels].astype(dtype)
    found = trained(flat_gan(num_classes=3), batches((values, one_hot)))
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, two)
    from_arrays = flat_gan(num_classes=3), flat_gan(num_classes=3), flat_gan(num_classes=3)
    weights = [
        trained(gan, values, y=y, batch_size=8) for gan, y in zip(from_arrays, (labels, one_hot, labels[:, None]))
    ]
    for one, two, three in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full(16, 200, "uint8"), r"expected labels in \[0, 3\); lowest and highest: 200 200"),
        (np.full(16, -1, "int8"), r"expected labels in \[0, 3\)"),
        (np.zeros(16), r"expected integer labels of shape \[N\] or \[N, 1\], or one-hot ones of shape \[N, 3\]"),
        (np.zeros((16, 2), int), "expected integer labels of shape"),
        (np.array(["a"] * 16), "expected integer labels of shape"),
        (np.zeros((16, 3)), "expected one-hot labels, a single 1 a row"),
        (np.full((16, 3), 1 / 3), "expected one-hot labels, a single 1 a row"),
        (np.ones((16, 3), int), "expected one-hot labels, a single 1 a row"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(labels, message):
    values = floats(16)
    refused(flat_gan(num_classes=3), f"^training data: {message}", batches((values, labels)))
    refused(flat_gan(num_classes=3), f"^y: {message}", values, labels, batch_size=8)


def test_labels_that_count_from_1_and_rows_of_nan_are_named():
    labels = np.arange(16) % 3 + 1
    refused(
        flat_gan(num_classes=3), "lowest and highest: 1 3; they seem to count from 1: give y - 1", floats(16), labels
    )
    in_batches = batches((floats(16), labels))
    refused(flat_gan(num_classes=3), r"labels in \[0, 3\); they seem to count from 1: give labels - 1", in_batches)
    values = floats(16)
    values[5, 3, 2] = np.nan
    refused(flat_gan(), "x: expected finite values; got NaN or infinity, first in row 5", values, batch_size=8)


def test_labels_that_nothing_is_made_of_are_warned_of():
    with pytest.warns(UserWarning, match="^y: not used, as the model is unconditional; num_classes=... makes one"):
        flat_gan().fit(floats(16), np.arange(16) % 3, batch_size=8, verbose=0)


# Other data


@pytest.mark.parametrize("shape", [(4, 8, 1), (8, 4, 3), (6, 6, 2), (6, 6, 5), (4, 8, 4)])
def test_arrays_of_any_image_shape_train(shape):
    gan = flat_gan(shape)
    gan.fit(RNG.integers(0, 256, (40, *shape)).astype("uint8"), batch_size=16, epochs=2, verbose=0)
    assert int(gan.step.numpy()) == 4
    if shape[-1] == 1:
        gan.fit(RNG.integers(0, 256, (16, *shape[:2])).astype("uint8"), batch_size=16, verbose=0)
        assert int(gan.step.numpy()) == 5


def test_arrays_of_points_come_shuffled_and_each_once_an_epoch():
    values = np.arange(64, dtype="float32").reshape(32, 2)
    seen = []

    class Seeing(kerasgan.SGAN):
        def critic_loss(self, real, fake):
            seen.append(real.images.numpy())
            return super().critic_loss(real, fake)

    gan = Seeing(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8), seed=-3)
    gan.compile(run_eagerly=True)
    gan.fit(values, batch_size=8, epochs=2, verbose=0)
    first, second = np.concatenate(seen[:4]), np.concatenate(seen[4:])
    for epoch in (first, second):
        np.testing.assert_array_equal(np.sort(epoch[:, 0]), values[:, 0])
    assert (first != second).any() and (first != values).any()


class Seeing(kerasgan.SGAN):
    """Remembers the first number of each real row."""

    rows: ClassVar[list[float]] = []

    def critic_loss(self, real, fake):
        self.rows.extend(float(value) for value in real.images.numpy().reshape(len(real.images), -1)[:, 0])
        return super().critic_loss(real, fake)


def rows_seen(shape, fits):
    """What a model sees of 70 rows in several calls of `fit`, each of so many epochs of one batch of 40."""
    gan = flat_gan(shape, objective=Seeing, seed=3)
    gan.compile(run_eagerly=True)
    Seeing.rows.clear()
    values = np.linspace(-1, 0.9, 70, dtype="float32").reshape(70, *[1] * len(shape)) * np.ones(shape, "float32")
    for epochs in fits:
        gan.fit(values, batch_size=40, epochs=epochs, verbose=0)
    return list(Seeing.rows)


@pytest.mark.parametrize("shape", [(8, 8, 1), (2,)])
def test_calls_of_fit_with_arrays_go_on_as_one_call_would(shape):
    """Each began with the first epoch's order: of 70 rows 30 were never seen."""
    once = rows_seen(shape, [6])
    assert rows_seen(shape, [1, 2, 3]) == once and len(set(once)) > 65


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            lambda: (floats(8) for _ in range(3)),
            r"got a generator. tf.data.Dataset.from_generator\(.*\[None, 8, 8, 1\]",
        ),
        (lambda: iter([floats(8)]), "tf.data.Dataset.from_generator"),
        (lambda: type("Batches", (keras.utils.PyDataset,), {})(), "got a Batches. tf.data.Dataset.from_generator"),
        (lambda: kerasgan.data.arrays(np.zeros((8, 8, 8, 1), "uint8")), r"a Source: kerasgan.data.load\(source\)"),
        (lambda: "fashion_mnist", "got 'fashion_mnist'. kerasgan.data.load makes a dataset"),
        (lambda: None, "got 'None'"),
        (lambda: (floats(8), np.zeros(8, int)), "expected images, and labels as y; got a tuple"),
        (lambda: {"image": floats(8)}, "expected a tf.data.Dataset or arrays"),
        (lambda: floats(8, shape=(9, 8, 1)), r"expected images of shape \(8, 8, 1\).*got \(9, 8, 1\)"),
        (lambda: floats(8)[0], r"expected images of shape \(8, 8, 1\)"),
        (lambda: floats(8).astype("int64"), r"expected uint8, or floats in \[-1, 1\]; got int64"),
        (lambda: np.zeros((0, 8, 8, 1), "uint8"), "expected at least one image; got none"),
        (lambda: [np.zeros((8, 8, 1)), np.zeros((4, 8, 1))], "rows of different shapes"),
        (lambda: np.full((8, 8, 8, 1), np.nan, "float32"), "finite"),
        (lambda: 255 * floats(8), "floats must be finite and in"),
    ],
)
def test_what_is_no_array_of_images_is_refused_with_what_to_do(given, message):
    refused(flat_gan(), message, given(), batch_size=8)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (batches({"image": floats(8), "label": np.zeros(8, int)}), r'data.map\(lambda example: \(example\["image"\]'),
        (tf.data.Dataset.from_tensor_slices(floats(8)), r"got \(8, 8, 1\); data.batch\(64\) makes batches"),
        (batches((floats(8), np.zeros(8, int), np.ones(8))), "without weights of samples; got 3 parts"),
        (batches(np.zeros((8, 8, 8, 1), bool)), "expected images as uint8 or as floats"),
    ],
)
def test_a_dataset_of_something_else_is_refused_with_what_to_do(data, message):
    refused(flat_gan(), f"^training data: .*{message}", data)


def test_what_goes_with_arrays_alone_is_refused_with_a_dataset():
    data = batches(floats(8))
    shared = tf.distribute.get_strategy().experimental_distribute_dataset(data)
    for given in (data, shared):
        refused(flat_gan(), "y, batch_size: expected only with arrays", given, y=np.zeros(8))


def test_labels_that_are_not_the_models_numbers_are_refused():
    """A folder of boots and shirts trained a preset's first two classes."""
    gan = flat_gan(num_classes=3, class_names=["hat", "boot", "shirt"])
    source = kerasgan.data.arrays(
        RNG.integers(0, 256, (16, 8, 8)).astype("uint8"), np.arange(16) % 2, ["boot", "shirt"]
    )
    wrong = kerasgan.data.load(source, 8, batch_size=8, labels=True)
    with pytest.raises(
        ValueError, match="the model's labels, in which 'boot' is 1; here it is 0: .*class_names=gan.cl"
    ):
        gan.fit(wrong)
    gan.fit(kerasgan.data.load(source, 8, batch_size=8, labels=True, class_names=gan.class_names), verbose=0)
    other = kerasgan.data.arrays(np.zeros((8, 8, 8), "uint8"), [0, 1] * 4, ["boot", "cap"])
    with pytest.raises(ValueError, match="training data: expected classes of the model, .*; it has others: 'cap'"):
        gan.fit(kerasgan.data.load(other, 8, batch_size=8, labels=True))
    unnamed = kerasgan.data.arrays(RNG.integers(0, 256, (16, 8, 8)).astype("uint8"), np.arange(16) % 2)
    gan.fit(kerasgan.data.load(unnamed, 8, batch_size=8, labels=True), verbose=0)  # numbers, as the user has them


def test_no_batch_is_taken_from_the_data_but_for_training():
    """A dataset that can be read only once is all trained on."""
    source, seen = iter([floats(8) for _ in range(5)]), []
    signature = tf.TensorSpec([None, 8, 8, 1], tf.float32)
    data = tf.data.Dataset.from_generator(lambda: source, output_signature=signature)
    gan = flat_gan()
    gan.fit(
        data, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=lambda n, logs: seen.append(n))]
    )
    assert int(gan.step.numpy()) == len(seen) == 5


def test_images_in_a_loop_of_ones_own_may_be_uint8():
    pixels = RNG.integers(0, 256, (8, 8, 8, 1)).astype("uint8")
    labels = np.arange(8) % 3
    first, second = flat_gan(num_classes=3), flat_gan(num_classes=3)
    first.train_step((tf.constant(pixels), tf.constant(labels[:, None], tf.uint8)))
    second.train_step((tf.constant(pixels / np.float32(127.5) - 1), tf.constant(labels, tf.int32)))
    for one, two in zip(first.variables, second.variables, strict=True):
        np.testing.assert_allclose(one.numpy(), two.numpy(), atol=1e-6)


@pytest.mark.slow
def test_any_seed_of_a_model_shuffles_arrays():
    pixels = RNG.integers(0, 256, (16, 8, 8, 1)).astype("uint8")
    for seed in (-3, 2**63 - 1, -(2**63)):
        flat_gan(seed=seed).fit(pixels, batch_size=8, verbose=0)


def test_a_float_beyond_1_by_rounding_is_an_image():
    values = floats(16)
    values[0, 0, 0, 0] = np.nextafter(np.float32(1), np.float32(2))
    for shape in ((8, 8, 1), (4, 16, 1)):
        flat_gan(shape).fit(values.reshape(16, *shape), batch_size=8, verbose=0)


def test_pixels_of_0_and_1_are_refused_when_they_have_become_floats():
    """0 and 1 of 255 levels are -1 and -0.992 then, two shades of black."""
    values = RNG.integers(0, 2, (32, 8, 8, 1)) / 127.5 - 1
    for dtype in ("float32", "float16"):
        refused(flat_gan(), "^training data: expected values from 0 to 255; got 0", batches(values.astype(dtype), 16))


def test_points_of_integers_are_refused_as_uint8_would_be_scaled_like_pixels():
    values = RNG.integers(0, 2, (16, 2)).astype("uint8")
    refused(points_gan(), "^training data: expected values as floats; got uint8", batches(values))
    refused(points_gan(), "^x: expected floats; got uint8", values, batch_size=8)


@pytest.mark.parametrize("count", [16, 4])
def test_batches_of_images_and_of_labels_must_have_the_same_rows(count):
    batch = floats(8), np.arange(count) % 3
    signature = tf.TensorSpec([None, 8, 8, 1]), tf.TensorSpec([None], tf.int64)
    unknown = tf.data.Dataset.from_generator(lambda: iter([batch]), output_signature=signature)
    for given in (tf.data.Dataset.from_tensors(batch), unknown):
        refused(flat_gan(num_classes=3), f"expected a label for each image; images and labels: 8 {count}$", given)


def test_images_whose_size_is_only_known_when_they_come_are_checked_then():
    signature = tf.TensorSpec([None, None, None, 1], tf.float32)
    data = tf.data.Dataset.from_generator(lambda: iter([floats(8, shape=(8, 9, 1))]), output_signature=signature)
    refused(flat_gan(), r"expected images of shape \(8, 8, 1\); got 8 9 1$", data)
    data = tf.data.Dataset.from_generator(lambda: iter([floats(8)]), output_types=tf.float32)
    refused(flat_gan(), r"got <unknown>; data.map\(lambda images: tf.ensure_shape\(images, \[None, 8, 8, 1\]\)\)", data)


@pytest.mark.parametrize("drop_remainder", [False, True])
def test_rows_that_no_minibatch_gets_are_told_of(drop_remainder):
    gan = kerasgan.WGANGP(mlp.generator((2,), 2, width=8), mlp.critic((2,), width=8), critic_steps=5)
    gan.compile()
    points = np.random.default_rng(0).normal(size=(128, 2)).astype("float32")
    batches = tf.data.Dataset.from_tensor_slices(points).batch(64, drop_remainder=drop_remainder)
    with pytest.warns(UserWarning, match="4 of a batch's 64 rows are left out: .* 5 minibatches of 12; batches of 60"):
        gan.fit(batches, verbose=0)


def test_data_loaded_for_other_minibatches_are_told_of():
    gan = kerasgan.RSGAN(dcgan.generator((32, 32, 1), 4, filters=2), dcgan.critic((32, 32, 1), filters=2))
    gan.compile()
    images = np.random.default_rng(0).integers(0, 256, (32, 32, 32, 1), "uint8")
    load = functools.partial(kerasgan.data.load, kerasgan.data.arrays(images), image_size=32, batch_size=8)
    with pytest.warns(UserWarning, match="loaded with critic_steps=1, and a step of RSGAN divides .* 2 minibatches"):
        gan.fit(load(critic_steps=gan.critic_steps), verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        gan.fit(load(critic_steps=gan.batches_per_step), verbose=0)


def test_floats_of_an_array_are_trained_on_as_they_are():
    """Not as the nearest of 256 levels."""
    gan = kerasgan.SGAN(dcgan.generator((32, 32, 1), 4, filters=2), dcgan.critic((32, 32, 1), filters=2))
    images = np.random.default_rng(0).uniform(-1, 1, (8, 32, 32, 1)).astype("float32")
    data, _ = training_data.checked(gan, images, batch_size=8)
    seen = np.sort(next(iter(data)).numpy().ravel())
    np.testing.assert_array_equal(seen, np.sort(images.ravel()))


def test_data_that_end_begin_anew_where_the_steps_of_an_epoch_are_given():
    """Batches of unknown size are looked at one by one, so that Keras does not know how many there are."""
    values = RNG.uniform(-1, 1, (32, 2)).astype("float32")
    repeated, ending = points_gan(critic_steps=2), points_gan(critic_steps=2)
    wanted = trained(repeated, batches(values).repeat(), steps_per_epoch=2, epochs=4)
    history = ending.fit(batches(values), steps_per_epoch=2, epochs=4, verbose=0).history
    assert int(ending.step.numpy()) == 8 and min(history["critic_loss"]) > 0
    for variable, value in zip(ending.variables, wanted, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
