import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasgan.data import Source, arrays, in_order, load, pipeline, steps_per_epoch, to_uint8


def order(batches, steps=None):
    """Which images of `numbered` each of the first steps has: list of lists."""
    if steps is not None:
        batches = batches.take(steps)
    return [np.asarray(to_uint8(batch))[:, 0, 0, 0].tolist() for batch in batches]


def one(image, **options):
    """What `load` makes of a single image, as uint8 [size, size, channels]."""
    return np.asarray(to_uint8(next(iter(load(arrays(image[np.newaxis]), batch_size=1, **options)))))[0]


@pytest.fixture
def counted(numbered):
    """A Source of n numbered images, and the list of the numbers that were decoded."""

    def make(n):
        decoded = []

        def image(number):
            decoded.append(int(number))
            return np.full((4, 4, 1), number, np.uint8)

        def example(number):
            return tf.ensure_shape(tf.numpy_function(image, [number], tf.uint8), [4, 4, 1]), number

        return Source(
            tf.data.Dataset.range(n).map(example), n, tuple("x" * n), "counted", cache_key=lambda: f"{n}"
        ), decoded

    return make


def test_pixels_are_exact(noise):
    images = noise(6)
    (batch,) = load(arrays(images), image_size=8, batch_size=6, shuffle_buffer=1)
    assert batch.dtype == tf.float32
    np.testing.assert_array_equal(batch, images.astype(np.float32) / 127.5 - 1)


def test_an_element_is_one_step(numbered):
    batches = load(arrays(numbered(50)), image_size=4, batch_size=4, critic_steps=3)
    assert batches.element_spec == tf.TensorSpec((12, 4, 4, 1), tf.float32)
    assert int(batches.cardinality()) == steps_per_epoch(arrays(numbered(50)), 4, 3) == 4
    seen = sum(order(batches), [])
    assert len(seen) == len(set(seen)) == 48


def test_labels_stay_with_their_images(numbered):
    source = arrays(numbered(30), labels=np.arange(30) // 3)
    batches = load(source, image_size=4, batch_size=10, labels=True)
    assert batches.element_spec[1] == tf.TensorSpec((10,), tf.int32)
    seen = []
    for images, labels in batches:
        numbers = np.asarray(to_uint8(images))[:, 0, 0, 0]
        np.testing.assert_array_equal(labels, numbers // 3)
        seen += numbers.tolist()
    assert sorted(seen) == list(range(30))


def test_labels_are_numbered_as_a_model_has_its_classes():
    values = np.array([2, 0, 1, 1, 0], np.uint8)
    source = arrays(np.tile(values[:, None, None], (1, 4, 4)), values.astype(int), ["bag", "coat", "shoe"])
    own = load(source, 4, batch_size=5, labels=True)
    assert own.class_names == ("bag", "coat", "shoe")
    names = ("shoe", "hat", "bag", "coat")
    other = load(source, 4, batch_size=5, labels=True, class_names=names)
    assert other.class_names == names
    [(images, labels)] = other
    assert labels.dtype == tf.int32
    pixels = to_uint8(images).numpy()[:, 0, 0, 0]
    assert [names[label] for label in labels] == [source.class_names[pixel] for pixel in pixels]
    with pytest.raises(ValueError, match="expected classes of class_names, 'bag', 'coat'; it has others: 'shoe'"):
        load(source, 4, batch_size=5, labels=True, class_names=["bag", "coat"])
    with pytest.raises(ValueError, match="class_names: expected only with labels=True"):
        load(source, 4, batch_size=5, class_names=names)


def test_loading_again_and_again_warns_of_nothing(numbered, caplog):
    tensorflow = tf.get_logger()
    tensorflow.addHandler(caplog.handler)
    try:
        for seed in range(8):
            load(arrays(numbered(8)), image_size=4, batch_size=4, seed=seed)
    finally:
        tensorflow.removeHandler(caplog.handler)
    assert "retracing" not in caplog.text


def test_each_iteration_is_another_order_of_the_same_images(numbered):
    batches = load(arrays(numbered(40)), image_size=4, batch_size=10)
    first, second = order(batches), order(batches)
    assert first != second
    assert sorted(sum(first, [])) == sorted(sum(second, [])) == list(range(40))
    assert sum(first, []) != list(range(40))


def test_all_images_are_shuffled_at_a_time_as_far_as_memory_goes(numbered, monkeypatch):
    def numbers():
        return np.array(sum(order(load(arrays(numbered(250)), image_size=4, batch_size=10)), []))

    assert abs(np.corrcoef(numbers(), np.arange(250))[0, 1]) < 0.25  # the deviation of a random order is 0.06
    monkeypatch.setattr(pipeline, "_SHUFFLE_BYTES", 10 * 4 * 4)  # ten of these images
    ahead = numbers() - np.arange(250)
    assert ahead.max() < 10 and (ahead > 0).any()


@pytest.mark.parametrize("repeat", [False, True])
def test_order_is_fixed_by_seed_alone(numbered, repeat):
    def epochs(seed, global_seed):
        tf.random.set_seed(global_seed)
        batches = load(arrays(numbered(40)), image_size=4, batch_size=10, seed=seed, repeat=repeat)
        return order(batches, 8) if repeat else [order(batches), order(batches)]

    assert epochs(3, None) == epochs(3, 1) == epochs(3, 2)
    assert epochs(3, 1) != epochs(4, 1)
    assert epochs(0, 1) != epochs(1, 1)
    assert epochs(2**40, 1) == epochs(2**40, 1)


def test_endless_stream_is_whole_epochs_in_different_orders(numbered):
    batches = load(arrays(numbered(43)), image_size=4, batch_size=10, repeat=True)
    assert batches.cardinality() == tf.data.INFINITE_CARDINALITY
    stream = order(batches, 12)
    epochs = [sum(stream[start : start + 4], []) for start in (0, 4, 8)]
    for epoch in epochs:
        assert len(set(epoch)) == 40
    assert epochs[0] != epochs[1] != epochs[2]
    # a second reader of the same dataset gets the same stream
    assert order(batches, 12) == stream


@pytest.mark.parametrize("shuffle_buffer", [None, 7])
@pytest.mark.parametrize("start_step", [1, 3, 4, 6, 8])
def test_resumed_stream_goes_on_as_if_never_stopped(numbered, start_step, shuffle_buffer):
    def stream(start, steps):
        source = arrays(numbered(43), labels=np.arange(43))
        batches = load(
            source,
            image_size=4,
            batch_size=5,
            critic_steps=2,
            labels=True,
            seed=9,
            repeat=True,
            start_step=start,
            shuffle_buffer=shuffle_buffer,
        )
        return [labels.numpy().tolist() for _, labels in batches.take(steps)]

    assert stream(start_step, 12 - start_step) == stream(0, 12)[start_step:]


@pytest.fixture
def sided():
    """Source of 40 images whose left half is filled with their numbers, labelled with them."""
    images = np.zeros((40, 4, 4, 1), np.uint8)
    images[:, :, :2] = 1 + np.arange(40, dtype=np.uint8)[:, None, None, None]
    return arrays(images, labels=np.arange(40))


def sides(batches, steps):
    """(number, whether it is mirrored) of each image of the first steps: list of lists."""
    read = []
    for images, labels in batches.take(steps):
        left, right = (np.asarray(to_uint8(images))[:, 0, column, 0] for column in (0, 3))
        np.testing.assert_array_equal(left + right, labels + 1)
        assert (np.minimum(left, right) == 0).all()
        read.append(list(zip(labels.numpy().tolist(), (right > 0).tolist(), strict=True)))
    return read


@pytest.mark.parametrize("repeat", [False, True])
def test_half_of_the_images_are_mirrored_anew_in_each_epoch(sided, repeat):
    def epochs(seed=0, mirror=True):
        batches = load(sided, image_size=4, batch_size=10, labels=True, repeat=repeat, seed=seed, mirror=mirror)
        read = sides(batches, 48) if repeat else sum((sides(batches, 4) for _ in range(12)), [])
        return [sum(read[start : start + 4], []) for start in range(0, 48, 4)]

    read = epochs()
    assert read == epochs() != epochs(seed=1)
    plain = epochs(mirror=False)
    assert [[number for number, _ in epoch] for epoch in read] == [[number for number, _ in epoch] for epoch in plain]
    assert not any(mirrored for epoch in plain for _, mirrored in epoch)
    by_image = np.zeros((12, 40))
    for row, epoch in zip(by_image, read, strict=True):
        row[[number for number, _ in epoch]] = [mirrored for _, mirrored in epoch]
    by_place = np.array([[mirrored for _, mirrored in epoch] for epoch in read])
    assert abs(by_image.mean() - 0.5) < 4.5 * 0.5 / 480**0.5  # deviations of fair coins
    for table in (by_image, by_place):
        assert (table.std(axis=0) > 0).all()  # no image, and no place, is always on one side
        assert np.abs(np.corrcoef(table) - np.eye(12)).max() < 0.8  # no two epochs are alike


@pytest.mark.parametrize("start_step", [1, 4, 6])
def test_a_resumed_stream_mirrors_the_same_images(sided, start_step):
    def stream(start, steps):
        options = {"batch_size": 10, "labels": True, "seed": 9, "repeat": True, "mirror": True}
        return sides(load(sided, 4, start_step=start, **options), steps)

    assert stream(start_step, 12 - start_step) == stream(0, 12)[start_step:]


def test_memory_cache_is_shared_by_epochs_and_readers(counted):
    source, decoded = counted(20)
    batches = load(source, image_size=4, batch_size=5, repeat=True)
    order(batches, 12)
    order(batches, 3)
    assert sorted(decoded) == list(range(20))
    source, decoded = counted(20)
    batches = load(source, image_size=4, batch_size=5)
    order(batches), order(batches)
    assert sorted(decoded) == list(range(20))


def test_without_cache_each_epoch_reads_anew(counted):
    source, decoded = counted(20)
    batches = load(source, image_size=4, batch_size=5, cache=False)
    assert sorted(sum(order(batches) + order(batches), [])) == sorted(2 * list(range(20)))
    assert sorted(decoded) == sorted(2 * list(range(20)))


def test_file_cache_serves_another_run(counted, tmp_path):
    path = tmp_path / "new" / "cache"
    source, decoded = counted(20)
    first = order(load(source, image_size=4, batch_size=5, cache=path, repeat=True), 12)
    assert len(decoded) == 20
    source, decoded = counted(20)
    assert order(load(source, image_size=4, batch_size=5, cache=str(path), repeat=True), 12) == first
    assert decoded == []
    # another size must not be served from it
    assert next(iter(load(source, image_size=6, batch_size=5, cache=path))).shape == (5, 6, 6, 1)


def test_buffer_of_one_keeps_the_order(numbered):
    batches = load(arrays(numbered(12)), image_size=4, batch_size=4, shuffle_buffer=1)
    assert order(batches) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_in_order_are_all_images_as_load_gives_them(noise):
    images, labels = noise(11), np.arange(11) % 3
    batches = list(in_order(arrays(images, labels), 6, channels=3, batch_size=4).as_numpy_iterator())
    assert [len(batch) for batch, _ in batches] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate([numbers for _, numbers in batches]), labels)
    (whole,) = load(arrays(images), image_size=6, channels=3, batch_size=11, shuffle_buffer=1)
    np.testing.assert_array_equal(np.concatenate([batch for batch, _ in batches]), to_uint8(whole))
    assert set(next(iter(in_order(arrays(images))))[1].numpy()) == {-1}
    with pytest.raises(ValueError, match="batch_size: expected an integer of at least 1, got 0"):
        in_order(arrays(images), batch_size=0)


def test_shrinking_is_antialiased_as_pillow_does(noise):
    image = noise(1, 48)[0]
    ours = one(image, image_size=16).astype(int)
    pillow = np.asarray(Image.fromarray(image).resize((16, 16), Image.BILINEAR)).astype(int)
    assert np.abs(ours - pillow).max() <= 1
    # and not the plain bilinear that only looks at four pixels
    plain = np.asarray(tf.image.resize(image, (16, 16)))
    assert np.abs(ours - plain).mean() > 10


@pytest.mark.parametrize(("before", "after"), [(28, 32), (5, 17), (8, 16)])
def test_growing_is_bilinear(noise, before, after):
    image = noise(1, before)[0]
    exact = np.asarray(tf.image.resize(image, (after, after), antialias=True), np.float64)
    ours = one(image, image_size=after).astype(float)
    assert np.abs(ours - exact).max() <= 0.501


def test_the_middle_square_is_cut_out():
    wide = np.zeros((4, 10, 1), np.uint8)
    wide[:] = np.arange(10)[None, :, None]
    np.testing.assert_array_equal(one(wide, image_size=4)[..., 0], np.tile([3, 4, 5, 6], (4, 1)))
    tall = wide.transpose(1, 0, 2)
    np.testing.assert_array_equal(one(tall, image_size=4)[..., 0], np.tile([3, 4, 5, 6], (4, 1)).T)


def test_without_the_cut_the_image_is_squeezed():
    wide = np.zeros((4, 8, 1), np.uint8)
    wide[:, 4:] = 200
    squeezed = one(wide, image_size=4, center_crop=False)[0, :, 0]
    assert squeezed[0] == 0 and squeezed[3] == 200 and list(squeezed) == sorted(squeezed)


def rgba(seed, height, width):
    """An RGBA image whose hidden and seen colours differ: squares of noise, alpha in steps that reach 0 and 255."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    square = height // 3
    coarse = np.array([[0, 255, 80, 0], [255, 0, 255, 80], [80, 255, 0, 255], [0, 80, 255, 0]])
    image[..., 3] = coarse.repeat(square, 0).repeat(square, 1)[:height, :width]
    return image


def alike(ours, theirs):
    """Whether two RGBA images look alike: alpha to 1 level, and colours to what 8 bits of alpha can tell."""
    alpha = theirs[..., 3:].astype(float)
    assert np.abs(ours[..., 3:] - alpha).max() <= 1
    colours = np.abs(ours[..., :3].astype(float) - theirs[..., :3])
    assert (colours * alpha / 255).max() <= 2  # Pillow holds premultiplied colours in 8 bits
    assert (alpha == 255).any() and (alpha == 0).any()


def of_unknown_size(image):
    """A source of an image whose height and width the graph does not know."""

    def loose(image, label):
        same = tf.numpy_function(lambda image: image, [image], tf.uint8)
        return tf.ensure_shape(same, [None, None, image.shape[-1]]), label

    return Source(arrays(image[np.newaxis]).examples.map(loose), 1, None, "loose")


def of_known_size(image):
    return arrays(image[np.newaxis])


@pytest.mark.parametrize(("before", "after"), [(48, 16), (33, 7), (16, 40), (20, 19)])
@pytest.mark.parametrize("source", [of_known_size, of_unknown_size])
def test_colours_of_transparent_pixels_do_not_show_when_rgba_is_resized(before, after, source):
    image = rgba(before, before, before)
    theirs = np.asarray(Image.fromarray(image).convert("RGBa").resize((after, after), Image.BILINEAR).convert("RGBA"))
    (loaded,) = load(source(image), after, batch_size=1)
    alike(np.asarray(to_uint8(loaded))[0], theirs)
    ((listed, _),) = in_order(source(image), after)
    alike(np.asarray(listed)[0], theirs)


@pytest.mark.parametrize("source", [of_known_size, of_unknown_size])
def test_rgba_of_the_right_size_is_left_as_it_is(source):
    image = rgba(0, 16, 16)
    np.testing.assert_array_equal(next(iter(in_order(source(image), 16)))[0][0], image)


def test_transparent_pixels_that_are_resized_are_shown_on_white_as_pillow_shows_them():
    image = rgba(1, 48, 48)
    ours = one(image, image_size=16, channels=3).astype(int)
    white = Image.alpha_composite(Image.new("RGBA", (48, 48), "white"), Image.fromarray(image)).convert("RGB")
    theirs = np.asarray(white.resize((16, 16), Image.BILINEAR)).astype(int)
    assert np.abs(ours - theirs).max() <= 1


def test_images_of_unknown_size(noise):
    images = noise(2, 8)

    def examples():
        yield images[0], 0
        yield np.pad(images[1], ((0, 0), (3, 3), (0, 0))), 0

    spec = (tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.int64))
    source = Source(tf.data.Dataset.from_generator(examples, output_signature=spec), 2, None, "two")
    (batch,) = load(source, image_size=8, batch_size=2, shuffle_buffer=1)
    np.testing.assert_array_equal(to_uint8(batch), images)


def test_channels_are_converted():
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[:] = [200, 100, 50]
    assert (one(colour, image_size=4, channels=1) == 124).all()  # 0.2989 * 200 + 0.587 * 100 + 0.114 * 50
    assert one(colour, image_size=4, channels=4)[0, 0].tolist() == [200, 100, 50, 255]
    grey = np.full((4, 4, 1), 77, np.uint8)
    assert one(grey, image_size=4, channels=3)[0, 0].tolist() == [77, 77, 77]
    assert one(grey, image_size=4, channels=4)[0, 0].tolist() == [77, 77, 77, 255]
    clear = np.zeros((4, 4, 4), np.uint8)
    clear[:] = [100, 0, 200, 51]
    assert one(clear, image_size=4)[0, 0].tolist() == [100, 0, 200, 51]
    assert one(clear, image_size=4, channels=3)[0, 0].tolist() == [224, 204, 244]
    assert one(clear, image_size=8, channels=1)[0, 0].tolist() == [215]


@pytest.mark.parametrize("name", ["image_size", "batch_size", "critic_steps", "shuffle_buffer"])
@pytest.mark.parametrize("value", [0, -1, 2.0, "8", True])
def test_sizes_are_positive_integers(numbered, name, value):
    with pytest.raises(ValueError, match=f"^{name}: expected an integer of at least 1, got {value!r}"):
        load(arrays(numbered(100)), **{name: value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "^seed: expected an integer of at least 0, got -1"),
        ({"seed": None}, "^seed: expected an integer of at least 0, got None"),
        ({"start_step": -1, "repeat": True}, "^start_step: expected an integer of at least 0, got -1"),
        ({"start_step": 5}, "^start_step: 5 needs repeat=True"),
        ({"channels": 2}, "^channels: expected one of 1, 3, 4, got 2"),
        ({"labels": True}, "^labels: True, but arrays has no labels"),
        ({"split": "test"}, "^split and data_dir go with the name of a TFDS dataset"),
        (
            {"batch_size": 30, "critic_steps": 5},
            r"arrays has 100 images.*150 \(batch_size 30 x critic_steps 5",
        ),
    ],
)
def test_other_arguments(numbered, options, message):
    with pytest.raises(ValueError, match=message):
        load(arrays(numbered(100)), **options)


def test_source_must_be_a_source(numbered):
    with pytest.raises(ValueError, match="^source: expected a kerasgan.data.Source.*got ndarray"):
        load(numbered(100))


def test_numpy_integers_are_integers(numbered):
    batches = load(arrays(numbered(20)), image_size=np.int64(4), batch_size=np.int32(5))
    assert batches.element_spec.shape == (5, 4, 4, 1)
