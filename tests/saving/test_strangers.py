"""`.keras` files by strangers: what they name and unpack to is refused before it is built; a user's own go on."""

import io
import json
import shutil
import zipfile

import h5py
import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.networks import mlp
from kerasgan.saving import keras_file
from tests.saving.test_safety import EVIL, bomb, external_array, external_link, insert, loop, unwritten, virtual_array

HUGE = 10**12


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "gan.keras"
    gan = kerasgan.SGAN(mlp.generator((2,), 4, width=8), mlp.critic((2,), width=8))
    gan.compile()
    gan.save(path)
    return path


@pytest.fixture
def file(saved, tmp_path):
    return shutil.copy(saved, tmp_path / "gan.keras")


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path, contents, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in contents if isinstance(contents, list) else contents.items():
            archive.writestr(name, content)


def edit_config(path, change):
    contents = members(path)
    config = json.loads(contents["config.json"])
    change(config)
    write(path, {**contents, "config.json": json.dumps(config)})


def refused(path, said, monkeypatch):
    """Whether a file is refused before anything is built, with a message of a few hundred characters."""

    def build(*arguments, **options):
        raise AssertionError("something was built")

    monkeypatch.setattr(keras.saving, "load_model", build)
    with pytest.raises(ValueError, match=said) as error:
        kerasgan.load(path)
    assert len(str(error.value).replace(str(path), "")) < 900


@pytest.mark.parametrize("what", [what for what in EVIL if "registered" not in what and "same under" not in what])
def test_what_a_preset_may_not_name_a_file_may_not(file, what, monkeypatch):
    edit_config(file, insert(EVIL[what]()))
    refused(file, "none that a file may take from Keras; nothing was loaded. If you trust whoever made", monkeypatch)


def test_what_the_message_offers_reads_the_file(file):
    edit_config(file, insert({"class_name": "Hashing", "config": {"name": "dense", "num_bins": 2}}))
    with pytest.raises(ValueError, match="names 'keras.layers.Hashing'.*keras.saving.load_model reads it without"):
        kerasgan.load(file)


@keras.saving.register_keras_serializable(package="mine")
class Doubled(keras.layers.Layer):
    """A user's own layer, with an array in its config."""

    def __init__(self, factors=(2.0, 2.0), **options):
        super().__init__(**options)
        self.factors = np.asarray(factors, "float32")

    def call(self, x):
        return x * self.factors

    def get_config(self):
        return {**super().get_config(), "factors": self.factors}

    @classmethod
    def from_config(cls, config):
        factors = config["factors"]  # of a file as Keras wrote it, of `clone_model` as it was
        if isinstance(factors, dict):
            factors = keras.saving.deserialize_keras_object(factors)
        return cls(**{**config, "factors": factors})


@keras.saving.register_keras_serializable(package="mine")
def squashed(x):
    return keras.ops.tanh(x / 2)


class InScope(keras.layers.Dense):
    """Another, known in a `custom_object_scope` alone."""


def test_a_users_own_layers_functions_and_arrays_go_on(tmp_path):
    x = z = keras.Input((4,))
    x = keras.layers.Dense(6, activation=squashed, bias_initializer=keras.initializers.Constant(np.ones(6)))(x)
    x = keras.layers.LSTM(3)(keras.layers.Reshape((2, 3))(x))
    x = keras.layers.Lambda(squashed)(keras.ops.sin(x) + keras.ops.flip(x, 1))
    generator = keras.Model(z, Doubled()(InScope(2)(x)))
    gan = kerasgan.HingeGAN(generator, mlp.critic((2,), width=8))
    gan.compile()
    gan.save(tmp_path / "own.keras")
    with pytest.raises(ValueError, match="names '.*InScope'.*that this program has registered"):
        kerasgan.load(tmp_path / "own.keras")
    with keras.saving.custom_object_scope({"InScope": InScope}):
        again = kerasgan.load(tmp_path / "own.keras")
    np.testing.assert_array_equal(again.sample(4), gan.sample(4))


def test_a_classifier_is_read_with_what_it_was_compiled_with(tmp_path):
    classifier = keras.Sequential([keras.Input((4,)), keras.layers.GaussianNoise(0.1), keras.layers.Dense(3)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    classifier.compile("adam", loss, metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)])
    classifier.save(tmp_path / "classifier.keras")
    for compiled in (True, False):
        again = keras_file.read(tmp_path / "classifier.keras", compiled)
        np.testing.assert_array_equal(again.get_weights()[0], classifier.get_weights()[0])
        assert again.compiled == compiled
    with pytest.raises(ValueError, match="classifier.keras: expected a kerasgan model; it holds a Sequential"):
        kerasgan.load(tmp_path / "classifier.keras")


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_files_of_other_types_are_read(tmp_path, policy):
    z = keras.Input((4,))
    gan = kerasgan.Sampler(keras.Model(z, keras.layers.Dense(2, dtype=policy)(z)))
    gan.save(tmp_path / "typed.keras")
    again = kerasgan.load(tmp_path / "typed.keras")
    np.testing.assert_array_equal(again.sample(4), gan.sample(4))


def stale(values):
    """Change the module of kerasgan's classes in a config to one that is no more, as when modules move."""
    if isinstance(values, dict):
        if str(values.get("module", "")).startswith("kerasgan"):
            values["module"] = "kerasgan.that_was.there_once"
        values = list(values.values())
    for value in values if isinstance(values, list) else ():
        stale(value)


def test_the_module_that_a_class_was_in_does_not_matter(file):
    edit_config(file, stale)
    assert type(kerasgan.load(file)) is type(keras.models.load_model(file)) is kerasgan.SGAN
    assert b"kerasgan.that_was" in members(file)["config.json"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (external_link, "/a: expected no links"),
        (external_array, "/a: expected an array in this file"),
        (virtual_array, "/a: expected an array in this file"),
        (bomb, "/a: expected an array stored as it is, 17,179,869,184 bytes"),
        (unwritten, "/a: expected an array stored as it is"),
        (loop, "expected at most 50 levels of groups"),
    ],
)
def test_traps_in_the_weights_are_refused(file, make, said, monkeypatch):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as weights:
        make(weights)
    write(file, {**members(file), "model.weights.h5": stream.getvalue()})
    refused(file, f"model.weights.h5: {said}", monkeypatch)


def test_arrays_that_share_their_bytes_are_refused(file, monkeypatch):
    """A hundred names of one array would let a config ask for a hundred times what the file holds."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as weights:
        weights["first"] = np.zeros(10_000, np.float32)
        for number in range(100):
            weights[f"again_{number}"] = weights["first"]
    write(file, {**members(file), "model.weights.h5": stream.getvalue()})
    refused(file, "expected arrays of [0-9,]+ bytes at most, as the file has; they have 4,040,000", monkeypatch)


def test_a_config_that_asks_for_more_than_the_weights_fill_takes_no_memory(file):
    edit_config(file, insert({"config": {"name": "dense", "units": HUGE}}))
    with pytest.raises(ValueError, match="its config asks for more variables than its weights.*is too much"):
        kerasgan.load(file)


def test_a_compressed_member_is_refused_before_it_is_unpacked(file, monkeypatch):
    contents = members(file)
    write(file, {**contents, "model.weights.h5": bytes(2**26)}, zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < 2**20
    refused(file, "expected a member stored as it is, as Keras writes it; it is compressed", monkeypatch)


def test_a_header_that_lies_is_refused(file, monkeypatch):
    """The directory of the archive says that the weights are larger than the file."""
    content = bytearray(file.read_bytes())
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(b"model.weights.h5"))
    for offset in (20, 24):  # compressed size, size
        content[entry + offset : entry + offset + 4] = (2**31).to_bytes(4, "little")
    file.write_bytes(content)
    refused(file, "model.weights.h5: expected at most [0-9,]+ bytes; got 2,147,483,648", monkeypatch)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: {**c, "../evil.py": b""}, r"\.\./evil.py: expected no member but config.json"),
        (lambda c: {**c, "assets/../../evil": b""}, "expected no member but"),
        (lambda c: {**c, "model.weights.npz": b""}, "expected no member but"),
        (lambda c: {**c, "x" * 60_000: b""}, "xxx: expected no member but"),
        (lambda c: [*c.items(), ("config.json", b"{}")], "config.json: expected one member of that name"),
        (lambda c: {**c, **{f"assets/{i}": b"" for i in range(2000)}}, "expected at most 1,000 members; got 2,003"),
        (lambda c: {**c, "config.json": b" " * (2**25 + 1)}, "config.json: expected at most 33,554,432 bytes"),
        (lambda c: {**c, "config.json": b"[" * 100_000}, "not a readable .keras file"),
        (lambda c: {"config.json": c["config.json"]}, "it has no model.weights.h5"),
        (lambda c: {**c, "model.weights.h5": b"none"}, "not a readable weights file"),
    ],
)
def test_archives_that_are_none_of_keras_are_refused(file, change, said, monkeypatch):
    with pytest.MonkeyPatch.context() as quiet:
        quiet.setattr("warnings.warn", lambda *arguments, **options: None)  # of a name that is there twice
        write(file, change(members(file)))
    refused(file, said, monkeypatch)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("part", ["generator", pytest.param("critic", marks=pytest.mark.slow), "generator_optimizer"])
def test_weights_that_are_not_finite_are_named(file, tmp_path, part, value):
    gan = kerasgan.load(file)
    variable = [v for v in getattr(gan, part).variables if "kernel" in v.path][0]
    numbers = variable.numpy()
    numbers.flat[3] = value
    variable.assign(numbers)
    gan.save(tmp_path / "bad.keras")
    with pytest.raises(
        ValueError, match=f"bad.keras: expected finite weights; got NaN or infinity in .*{variable.path}, 1 of"
    ):
        kerasgan.load(tmp_path / "bad.keras")


def test_a_member_is_read_as_a_file_of_its_own(file):
    with open(file, "rb") as stream, zipfile.ZipFile(stream) as archive:
        part = keras_file._stored(archive, stream, "model.weights.h5")
        whole = archive.read("model.weights.h5")
        assert part.read() == whole
        part.seek(-5, io.SEEK_END)
        assert part.read(10) == whole[-5:] and part.tell() == len(whole)


def test_a_folder_says_what_reads_it(tmp_path):
    sampler = kerasgan.from_preset("hinge_fashion_mnist")
    sampler.save_to_preset(tmp_path / "preset")
    with pytest.raises(ValueError, match=r"it is a folder: kerasgan.from_preset\('.*preset'\) reads a preset"):
        kerasgan.load(tmp_path / "preset")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    for step in ("00000010", "99999999", "100000000"):
        (tmp_path / "run" / "checkpoints" / f"step-{step}.keras").touch()
    with pytest.raises(ValueError, match="it is a folder of a run, whose newest checkpoint is .*step-100000000.keras"):
        kerasgan.load(tmp_path / "run")
