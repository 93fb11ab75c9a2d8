"""Exported SavedModels, run through tf.compat.v1 sessions: the C++ path of TensorFlow Serving."""

import io
import json
import os
import pathlib

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from PIL import Image

import kerasgan
import kerasgan.models.savedmodel
import kerasgan.utils.keyed_random
from kerasgan.server.errors import ServingError
from kerasgan.server.inference.engine import Engine


class Served:
    """A SavedModel in a session."""

    def __init__(self, folder):
        self.graph = tf.Graph()
        self.session = tf.compat.v1.Session(graph=self.graph)
        with self.graph.as_default():
            meta = tf.compat.v1.saved_model.loader.load(self.session, ["serve"], str(folder))
        self.signatures = meta.signature_def
        self.facts = json.loads((folder / "assets.extra" / "kerasgan.json").read_text())

    def __call__(self, signature, **inputs):
        signature = self.signatures[signature]
        feeds = {signature.inputs[name].name: value for name, value in inputs.items()}
        [output] = signature.outputs.values()
        return self.session.run(output.name, feeds)


def seeded(seeds, truncation=np.inf, label=None):
    inputs = {"seed": np.array(seeds, np.int64), "truncation": np.full(len(seeds), truncation, np.float32)}
    if label is not None:
        inputs["label"] = np.array(label, np.int64)
    return inputs


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    """Return a conditional WGAN-GP model that has trained a step, and its export."""
    from tests.conftest import make_gan, raise_contrast

    gan = make_gan(kerasgan.WGANGP, num_classes=3, critic_steps=1, class_names=["boot", "coat", "hat"])
    rng = np.random.default_rng(0)
    gan.fit(rng.integers(0, 256, (32, 32, 32, 1), dtype=np.uint8), rng.integers(0, 3, 32), batch_size=16, verbose=0)
    raise_contrast(gan)
    folder = tmp_path_factory.mktemp("models") / "conditional" / "1"
    gan.export(folder)
    return gan, Served(folder)


def test_signatures_have_the_batch_first(conditional):
    _, served = conditional
    names = {"serving_default", "png", "between", "between_png", "latent", "__saved_model_init_op"}
    assert set(served.signatures) == names
    facts = {"num_classes": 3, "class_names": ["boot", "coat", "hat"], "image_shape": [32, 32, 1]}
    assert served.facts == facts | {"independent_rows": True}
    described = {
        name: {
            "inputs": {k: (v.dtype, [d.size for d in v.tensor_shape.dim]) for k, v in signature.inputs.items()},
            "outputs": {k: (v.dtype, [d.size for d in v.tensor_shape.dim]) for k, v in signature.outputs.items()},
        }
        for name, signature in served.signatures.items()
        if not name.startswith("__")
    }
    int64, float32 = tf.int64.as_datatype_enum, tf.float32.as_datatype_enum
    inputs = {"seed": (int64, [-1]), "truncation": (float32, [-1]), "label": (int64, [-1])}
    images = {"images": (tf.uint8.as_datatype_enum, [-1, 32, 32, 1])}
    assert described["serving_default"] == {"inputs": inputs, "outputs": images}
    assert described["png"] == {"inputs": inputs, "outputs": {"image_bytes": (tf.string.as_datatype_enum, [-1])}}
    between = inputs | {"to_seed": (int64, [-1]), "position": (float32, [-1])}
    assert described["between"] == {"inputs": between, "outputs": images}
    assert described["between_png"] == {"inputs": between, "outputs": described["png"]["outputs"]}
    assert described["latent"] == {
        "inputs": {"z": (float32, [-1, 8]), "label": (int64, [-1])},
        "outputs": images,
    }


def test_served_images_are_those_of_sample(conditional):
    gan, served = conditional
    for truncation in (np.inf, 0.5):
        images = served("serving_default", **seeded([4, 5, 6], truncation, [0, 1, 2]))
        expected = gan.sample(3, seed=4, labels=[0, 1, 2], truncation=truncation)
        assert np.abs(images.astype(int) - expected).max() <= 1
    assert (images != served("serving_default", **seeded([4, 5, 6], np.inf, [0, 1, 2]))).any()


def test_a_row_is_the_same_alone_in_a_batch_and_after_a_restart(conditional, tmp_path):
    gan, served = conditional
    gan.export(tmp_path / "2")
    restarted = Served(tmp_path / "2")
    batch = served("serving_default", **seeded(range(40), 0.7, np.arange(40) % 3)).astype(int)
    for row in (0, 17, 39):
        for engine in (served, restarted):
            alone = engine("serving_default", **seeded([row], 0.7, [row % 3])).astype(int)
            assert np.abs(alone[0] - batch[row]).max() <= 1
    assert len(np.unique(batch.reshape(40, -1), axis=0)) == 40


def test_png_holds_the_same_images(conditional):
    _, served = conditional
    inputs = seeded([4, 5], np.inf, [0, 1])
    images = served("serving_default", **inputs)
    for data, image in zip(served("png", **inputs), images):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), image[:, :, 0])


def test_the_way_from_a_seed_to_another(conditional):
    gan, served = conditional
    positions = np.array([0, 0.25, 0.5, 1, 0.5], np.float32)
    inputs = seeded([4, 4, 4, 4, 4], 2.0, [2, 2, 2, 2, 2])
    way = {"to_seed": np.array([9, 9, 9, 9, 4], np.int64), "position": positions}
    images = served("between", **inputs, **way)
    ends = gan.sample(2, seed=[4, 9], labels=2, truncation=2.0).astype(int)
    for row, end in ((0, ends[0]), (3, ends[1]), (4, ends[0])):  # the last one's seeds are equal
        assert np.abs(images[row].astype(int) - end).max() <= 1
    # in between: the latent by SciPy, through the signature that takes latents
    u, v = (
        scipy.stats.norm.ppf(
            kerasgan.utils.keyed_random.uniform_rows(tf.constant([seed], tf.int64), 8, ("sample", "latents"))
        )
        for seed in (4, 9)
    )
    angles = positions[:3, None] * np.pi / 2
    mixed = scipy.stats.norm.cdf(np.cos(angles) * u + np.sin(angles) * v)
    z = scipy.stats.truncnorm(-2, 2).ppf(mixed).astype(np.float32)
    expected = served("latent", z=z, label=np.array([2, 2, 2], np.int64))
    assert np.abs(images[:3].astype(int) - expected).max() <= 1
    assert np.abs(images[2].astype(int) - ends).max(axis=(1, 2, 3)).min() > 1
    for data, image in zip(served("between_png", **inputs, **way), images):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), image[:, :, 0])
    for position in (-0.1, 1.1, np.nan):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"position: expected numbers in \[0, 1\]; got"):
            served("between", **inputs, to_seed=way["to_seed"], position=np.full(5, position, np.float32))


def test_latent_signature_is_the_generator(conditional):
    gan, served = conditional
    z = np.random.default_rng(3).standard_normal((2, 8)).astype(np.float32)
    expected = np.floor((gan([z, np.array([2, 0])]).numpy() + 1) * 127.5 + 0.5)
    images = served("latent", z=z, label=np.array([2, 0], np.int64))
    assert np.abs(images.astype(float) - expected).max() <= 1


def test_an_empty_batch_gives_an_empty_batch(conditional):
    _, served = conditional
    assert served("serving_default", **seeded([], np.inf, [])).shape == (0, 32, 32, 1)


@pytest.mark.parametrize("signature", ["serving_default", "png"])
def test_wrong_labels_and_truncation_fail_with_a_clear_message(conditional, signature):
    _, served = conditional
    for label in (3, -1, 2**40):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"label: expected integers in \[0, 3\); got\] \[0 "):
            served(signature, **seeded([1, 2], np.inf, [0, label]))
    for truncation in (0.0, -1.0, np.nan):
        with pytest.raises(
            tf.errors.InvalidArgumentError, match=r"truncation: expected numbers above 0 \(1e9 for none\); got"
        ):
            served(signature, **seeded([1], truncation, [0]))


def test_inputs_of_several_lengths_fail_with_a_clear_message(conditional):
    """One label for two seeds was TensorFlow's own words of shapes."""
    _, served = conditional
    inputs = {"seed": np.array([1, 2]), "truncation": np.float32([1, 1]), "label": np.array([0])}
    with pytest.raises(tf.errors.InvalidArgumentError, match="seed.*: expected as many of each; got"):
        served("serving_default", **inputs)


def test_inputs_of_other_shapes_fail_with_a_clear_message(small_gan, tmp_path):
    """Servers do not compare them with the signature: TensorFlow spoke of its own operations."""
    small_gan(num_classes=3).export(tmp_path / "1")
    served = Engine(tmp_path / "1").run
    seeds = {"seed": np.int64([1]), "truncation": np.float32([1]), "label": np.int64([1])}
    expected = r"seed, truncation, label: expected arrays of the shapes \[N\], \[N\], \[N\]; got those of the shapes\] "
    for shape in ((), (1, 1)):
        for name in seeds:
            with pytest.raises(ServingError, match=expected):
                served("png", seeds | {name: seeds[name].reshape(shape)})
    for shape in ((), (8,), (2, 7), (2, 8, 8)):
        with pytest.raises(ServingError, match=r"z, label: expected arrays of the shapes \[N, 8\], \[N\]; got"):
            served("latent", {"z": np.zeros(shape, np.float32), "label": np.int64([0, 1])})


def test_numbers_that_are_none_are_neither_exported_nor_taken(small_gan, tmp_path, conditional):
    """They were black pixels."""
    gan, served = conditional
    z = np.full((1, gan.latent.dim), np.nan, np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="z: expected finite numbers; got"):
        served("latent", z=z, label=np.array([0]))
    broken = small_gan()
    [kernel, *_] = broken.sampling_generator.weights
    kernel.assign(np.where(np.arange(kernel.shape[-1]) == 1, np.nan, kernel.numpy()))
    with pytest.raises(ValueError, match="gan: expected finite weights; got NaN or infinity in"):
        broken.export(tmp_path / "1")
    assert not (tmp_path / "1").exists()


def test_unconditional_export_takes_no_label(small_gan, tmp_path):
    gan = small_gan()
    gan.export(tmp_path / "1")
    served = Served(tmp_path / "1")
    assert set(served.signatures["serving_default"].inputs) == {"seed", "truncation"}
    assert set(served.signatures["latent"].inputs) == {"z"}
    assert served.facts["num_classes"] is None
    assert np.abs(served("serving_default", **seeded([9])).astype(int) - gan.sample(1, seed=9)).max() <= 1


@pytest.mark.parametrize("independent", [True, False])
def test_an_export_says_whether_its_rows_are_independent(small_gan, tmp_path, independent):
    """Untrained, so that its images hardly differ."""
    plain = small_gan()
    if independent:
        mixed = plain.generator
    else:
        made = plain.generator.output
        mixed = keras.Model(plain.generator.input, (made + keras.ops.mean(made, axis=0, keepdims=True)) / 2)
    gan = kerasgan.SGAN(mixed, plain.critic)
    gan.compile()
    gan.export(tmp_path / "1")
    assert Served(tmp_path / "1").facts["independent_rows"] is independent


def test_a_file_of_another_format_says_how_to_write_it(small_gan, tmp_path):
    with pytest.raises(ValueError, match="named by a version.*; for such a file say --format litert, or export_litert"):
        small_gan().export(tmp_path / "garments.tflite")


def test_what_was_not_exported_is_never_replaced(small_gan, tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "notes.txt").write_text("not exported")
    with pytest.raises(FileExistsError, match="expected a version that was exported, to replace it; .*1 is something"):
        small_gan().export(tmp_path / "1", overwrite=True)
    assert (tmp_path / "1" / "notes.txt").exists()


def test_a_version_is_never_replaced_unless_told(small_gan, tmp_path):
    gan = small_gan()
    gan.export(tmp_path / "1")
    before = (tmp_path / "1" / "saved_model.pb").stat().st_mtime_ns
    with pytest.raises(FileExistsError, match="1 exists; choose another path, or say overwrite=True"):
        gan.export(tmp_path / "1")
    assert (tmp_path / "1" / "saved_model.pb").stat().st_mtime_ns == before
    gan.export(tmp_path / "1", overwrite=True)
    assert (tmp_path / "1" / "saved_model.pb").stat().st_mtime_ns != before
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


@pytest.mark.parametrize("name", ["latest", "v1", "0", "-1", "1.0"])
def test_a_folder_that_is_no_version_is_refused(small_gan, tmp_path, name):
    with pytest.raises(ValueError, match="filepath: expected a folder named by a version"):
        small_gan().export(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_an_export_that_fails_leaves_nothing(small_gan, tmp_path, monkeypatch):
    class FullDisk:
        def write_out(self, filepath, **arguments):
            os.makedirs(filepath)
            pathlib.Path(filepath, "saved_model.pb").write_bytes(b"half")
            raise OSError(28, "No space left on device", filepath)

    monkeypatch.setattr(kerasgan.models.savedmodel, "_archive", lambda gan: FullDisk())
    gan = small_gan()
    with pytest.raises(OSError, match="No space left"):
        gan.export(tmp_path / "1")
    assert not list(tmp_path.iterdir())
