"""Presets by strangers: damaged, from a newer kerasgan, or made to run code or read other files."""

import json
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.saving import config_check, manifest, presets, variable_limit, weights_file
from tests.saving.conftest import rewrite_metadata

WEIGHTS = "model.weights.h5"


def edit_config(preset, change):
    """Change the config of a preset, whose table of files is kept true."""
    path = preset / "config.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
    rewrite_metadata(preset)


def insert(evil):
    """Return a change that puts an object in place of the generator's first layer that is not an input."""

    def change(values):
        layers = values["config"]["generator"]["config"]["layers"]
        index = next(i for i, layer in enumerate(layers) if layer["class_name"] == "Dense")
        layers[index] = {**layers[index], **evil}

    return change


def marshalled():
    """Return Keras's config of a Lambda layer that would write a file."""
    code = "lambda x: (open('owned', 'w'), x)[1]"
    return keras.saving.serialize_keras_object(keras.layers.Lambda(eval(code)))


@keras.saving.register_keras_serializable(package="someone")
class Registered(keras.layers.Dense):
    """A layer that the user's own program has registered."""

    def __init__(self, *arguments, **options):
        raise AssertionError("was built")


EVIL = {
    "a marshalled lambda": marshalled,
    "os.system": lambda: {"module": "os", "class_name": "system", "config": {"command": "touch owned"}},
    "a function of os": lambda: {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "system",
    },
    "a builtin function": lambda: {"module": "builtins", "class_name": "function", "config": "eval"},
    "subprocess": lambda: {"module": "subprocess", "class_name": "Popen", "config": {"args": "touch owned"}},
    "TFSMLayer, which runs a graph from a folder": lambda: {
        "module": "keras.layers",
        "class_name": "TFSMLayer",
        "config": {"filepath": "/tmp/evil"},
    },
    "a layer that reads a file": lambda: {
        "module": "keras.layers",
        "class_name": "StringLookup",
        "config": {"vocabulary": "/etc/passwd"},
    },
    "TorchModuleWrapper": lambda: {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {}},
    "a module of Keras": lambda: {"module": "keras.src.utils.file_utils", "class_name": "Progbar", "config": {}},
    "a Keras function": lambda: {"module": "keras.utils", "class_name": "get_file", "config": {}},
    "what the user registered": lambda: {
        "module": "keras.layers",
        "class_name": "Registered",
        "config": {"units": 1},
        "registered_name": "someone>Registered",
    },
    "the same under a known name": lambda: {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"units": 1},
        "registered_name": "someone>Registered",
    },
    "no class of kerasgan": lambda: {
        "module": "kerasgan.layers",
        "class_name": "Nothing",
        "config": {},
        "registered_name": "kerasgan>Nothing",
    },
    "the legacy format": lambda: {"class_name": "Lambda", "module": None, "config": {"function": ["evil"]}},
    "a lambda value": lambda: {"class_name": "__lambda__", "config": {"value": "4wA="}},
    "a type spec": lambda: {
        "class_name": "__typespec__",
        "module": "os",
        "spec_name": "system",
        "registered_name": None,
        "config": [],
    },
    "a class name that is no text": lambda: {"class_name": ["Dense"], "module": "keras.layers", "config": {}},
    "no operation": lambda: {
        "module": "keras.src.ops.numpy",
        "class_name": "Operation",
        "config": {},
    },
}


@pytest.mark.parametrize("what", EVIL)
def test_a_config_that_names_what_it_may_not_is_refused_before_anything_is_built(preset, what, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    evil = EVIL[what]()
    edit_config(preset, insert(evil))

    def build(*arguments, **options):
        raise AssertionError("something was built")

    monkeypatch.setattr(keras.saving, "deserialize_keras_object", build)
    with pytest.raises(ValueError, match="which is no class of kerasgan .*nothing was loaded"):
        presets.load(preset)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("module", ["kerasgan.models.sampler", "kerasgan.that_was.there_once"])
def test_the_module_that_our_classes_were_in_does_not_matter(preset, module):
    """Presets stay readable when modules move: Keras goes by registered names."""
    before = presets.load(preset).sample(3, seed=2)

    def change(values):
        if isinstance(values, dict):
            if str(values.get("module", "")).startswith("kerasgan"):
                values["module"] = module
            values = list(values.values())
        for value in values if isinstance(values, list) else ():
            change(value)

    edit_config(preset, change)
    assert f'"{module}"' in (preset / "config.json").read_text()
    np.testing.assert_array_equal(presets.load(preset).sample(3, seed=2), before)


def test_a_class_of_the_users_under_our_name_is_refused(preset, monkeypatch):
    monkeypatch.setitem(keras.saving.get_custom_objects(), "kerasgan>Sampler", Registered)
    with pytest.raises(ValueError, match="names 'kerasgan.models.sampler.Sampler'.*nothing was loaded"):
        presets.load(preset)


@pytest.mark.parametrize("place", ["build_config", "inbound_nodes", "name"])
def test_it_is_found_in_any_place(preset, place):
    edit_config(preset, insert({place: [{"deep": {"module": "os", "class_name": "system", "config": {}}}]}))
    with pytest.raises(ValueError, match="names 'os.system'"):
        presets.load(preset)


HUGE = 10**12  # numbers, of which no machine here has room for one variable
LARGE = {
    "units of a dense layer": insert({"config": {"name": "dense", "units": HUGE}}),
    "units of a layer of kerasgan": insert(
        {
            "module": "kerasgan.layers.minibatch_discrimination",
            "class_name": "MinibatchDiscrimination",
            "registered_name": "kerasgan>MinibatchDiscrimination",
            "config": {"kernels": HUGE},
        }
    ),
    "a mixture's components": lambda values: values["config"]["latent"].update(
        module="kerasgan.latents",
        class_name="GaussianMixture",
        registered_name="kerasgan>GaussianMixture",
        config={"dim": 8, "components": HUGE},
    ),
}


@pytest.mark.parametrize("what", LARGE)
def test_a_config_that_asks_for_more_than_the_weights_fill_is_refused_before_memory_is_taken(preset, what):
    edit_config(preset, LARGE[what])
    with pytest.raises(ValueError, match=r"small: its config asks for more variables than its weights, [\d,]+ numbers"):
        presets.load(preset)


def test_many_small_variables_are_counted_together(preset):
    def change(values):
        layers = values["config"]["generator"]["config"]["layers"]
        dense = next(layer for layer in layers if layer["class_name"] == "Dense")
        one = {**dense, "config": {"units": 2**17}, "build_config": {"input_shape": [None, 4]}, "inbound_nodes": []}
        layers[1:1] = [{**one, "name": f"dense_{i}", "config": {**one["config"], "name": f"d{i}"}} for i in range(9)]

    edit_config(preset, change)
    with pytest.raises(ValueError, match="its config asks for more variables"):
        presets.load(preset)


def test_variables_are_limited_inside_the_block_alone():
    with variable_limit.variables_within(0):
        keras.Variable(np.zeros(2**20))
        with pytest.raises(variable_limit.TooLarge, match=r"0 numbers, can fill: one of shape \(1,\) is too much"):
            keras.Variable([1.0])
    keras.Variable(np.zeros(2**20 + 1))
    with pytest.raises(KeyError), variable_limit.variables_within(0):
        raise KeyError("of another cause")


def test_a_config_too_deep_is_refused(preset):
    path = preset / "config.json"
    path.write_text("[" * 100_000 + "]" * 100_000)
    rewrite_metadata(preset)
    with pytest.raises(ValueError, match="not JSON"):
        presets.load(preset)
    path.write_text('{"a":' * 300 + "1" + "}" * 300)
    rewrite_metadata(preset)
    with pytest.raises(ValueError, match="at most 200 levels"):
        presets.load(preset)


def test_what_is_no_model_of_kerasgan_is_refused(preset):
    (preset / "config.json").write_text(json.dumps(keras.saving.serialize_keras_object(keras.layers.Dense(3))))
    rewrite_metadata(preset)
    with pytest.raises(ValueError, match="expected a kerasgan model; it holds a Dense"):
        presets.load(preset)


def check_each(*made):
    for one in made:
        config_check.check(json.loads(json.dumps(keras.saving.serialize_keras_object(one))), "it")


def test_kerasgans_own_networks_and_optimizers_may_be_named(small_gan):
    networks = kerasgan.networks
    check_each(
        networks.biggan.generator((32, 32, 1), 80, 3, 2, attention_size=None),
        networks.tgan.critic((32, 32, 1), spectral=True),
        networks.dcgan.critic((32, 32, 1), filters=4, normalization="virtual", minibatch_kernels=2),
        networks.mlp.generator((2,), 2, width=4),
        networks.char_cnn.generator((8, 5), 4, filters=4, blocks=1),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.RMSprop(keras.optimizers.schedules.CosineDecay(1e-3, 9))),
        kerasgan.techniques.InstanceNoise(0.1),
        kerasgan.latents.GaussianMixture(8, 3),
        small_gan(),
    )


@pytest.mark.slow
def test_the_other_networks_may_be_named():
    networks = kerasgan.networks
    check_each(
        networks.biggan.critic((32, 32, 1), 3, 8, attention_size=16),
        networks.biggan_deep.generator((64, 64, 1), 8, 3, 8, attention_size=16),
        networks.biggan_deep.critic((64, 64, 1), 3, 8, attention_size=16),
        networks.resnet_cifar.generator((32, 32, 3), 8, 3, 4),
        networks.resnet_cifar.critic((32, 32, 3), 3, 4, auxiliary=True),
        networks.resnet_bottleneck.critic((64, 64, 3), filters=4, blocks=1),
        networks.random_architectures.generator((32, 32, 3), 8, None, 8, nonlinearity="softplus"),
        networks.robustness.generator((64, 64, 3), 8, filters=4, nonlinearity="gated"),
    )


def test_weights_that_are_not_finite_are_named(preset):
    with h5py.File(preset / WEIGHTS, "a") as file:
        arrays = []
        file.visititems(lambda name, item: arrays.append(item) if getattr(item, "ndim", 0) > 1 else None)
        arrays[0][1, 1] = np.nan
    rewrite_metadata(preset)
    with pytest.raises(ValueError, match=f"{WEIGHTS}: expected finite weights; got NaN or infinity in .*kernel, "):
        presets.load(preset)


def test_weights_that_are_not_finite_are_not_written(small_gan, tmp_path):
    sampler = kerasgan.Sampler(small_gan().generator)
    sampler.generator.variables[0].assign(np.full(sampler.generator.variables[0].shape, np.inf))
    with pytest.raises(ValueError, match="sampler: expected finite weights; got NaN or infinity in .*kernel"):
        presets.save(sampler, tmp_path / "bad", {}, "# bad\n")
    assert not list(tmp_path.iterdir())


def test_a_newer_format_says_how_to_read_it(preset):
    rewrite_metadata(preset, format=manifest.FORMAT + 1)
    with pytest.raises(ValueError, match="made by a newer kerasgan: format 2.*pip install --upgrade kerasgan"):
        presets.load(preset)
    rewrite_metadata(preset, format="one")
    with pytest.raises(ValueError, match="format: expected an integer from 1 on; got 'one'"):
        presets.load(preset)


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_a_truncated_file_is_named(preset, name):
    whole = (preset / name).read_bytes()
    (preset / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=rf"{name}: damaged or incomplete: expected {len(whole):,} bytes; it has"):
        presets.load(preset)
    (preset / name).unlink()
    with pytest.raises(ValueError, match=f"{name}: damaged or incomplete: it is missing"):
        presets.load(preset)


def test_weights_of_another_network_are_refused(preset):
    with h5py.File(preset / WEIGHTS, "a") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        del file[names[0]]
        file[names[0]] = np.zeros((3, 3), np.float32)
    rewrite_metadata(preset)
    with pytest.raises(ValueError, match="not a readable preset"):
        presets.load(preset)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"../../evil": {"size": 1, "sha256": "0" * 64}}, "expected files named .*; got '../../evil'"),
        ({"/etc/passwd": {"size": 1, "sha256": "0" * 64}}, "got '/etc/passwd'"),
        ({"..": {"size": 1, "sha256": "0" * 64}}, "got '..'"),
        ({"config.json": {"size": 10**12, "sha256": "0" * 64}}, "config.json: expected at most 16,777,216 bytes"),
        ({"config.json": {"size": -1, "sha256": "0" * 64}}, "config.json.size: .*greater than or equal to 1"),
        ({"config.json": {"size": 1, "sha256": "../x"}}, "config.json.sha256"),
        ({"config.json": {"size": 1, "sha256": "0" * 64, "url": "x"}}, "config.json.url: Extra inputs"),
        ({"config.json": 3}, "config.json: .*got 3"),
        ({}, "expected a table of files"),
        (["config.json"], "expected a table of files"),
    ],
)
def test_a_table_that_leads_elsewhere_or_is_too_large_is_refused(web, preset, cache, files, said):
    rewrite_metadata(preset, files=files)
    with pytest.raises(ValueError, match=said):
        kerasgan.from_preset(f"{web.url}/small")
    assert not [path for path in cache.rglob("*") if path.is_file()] and web.count("config.json") == 0
    assert not (cache.parent / "evil").exists()


def arrays(file):
    file["a/vars/0"] = np.zeros((2, 2), np.float32)


def external_link(file):
    file["a"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(file):
    arrays(file)
    file["b"] = h5py.SoftLink("/a")


def external_array(file):
    file.create_dataset("a", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def virtual_array(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "a", (4,))
    file.create_virtual_dataset("a", layout)


def bomb(file):
    file.create_dataset("a", (2**20, 2**12), "f4", chunks=(2**10, 2**10), compression="gzip")


def unwritten(file):
    file.create_dataset("a", (2**20, 2**12), "f4")


def objects(file):
    file.create_dataset("a", (1,), h5py.string_dtype())


def named_type(file):
    file["a"] = np.dtype("f4")


def loop(file):
    file["a/b"] = np.zeros(1)
    file["a/c"] = file["a"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (external_link, "/a: expected no links"),
        (soft_link, "/b: expected no links"),
        (external_array, "/a: expected an array in this file"),
        (virtual_array, "/a: expected an array in this file"),
        (bomb, "/a: expected an array stored as it is, 17,179,869,184 bytes"),
        (unwritten, "/a: expected an array stored as it is"),
        (objects, "/a: expected numbers"),
        (named_type, "/a: expected groups and arrays"),
        (loop, "at most 50 levels of groups"),
    ],
)
def test_traps_in_a_weights_file_are_refused(preset, make, said):
    with h5py.File(preset / WEIGHTS, "w") as file:
        make(file)
    rewrite_metadata(preset)
    with pytest.raises(ValueError, match=said):
        presets.load(preset)


def test_plain_arrays_pass_and_damage_is_named(tmp_path):
    with h5py.File(tmp_path / "good.h5", "w") as file:
        arrays(file)
        file["b"] = np.zeros(3, np.float16)
    assert weights_file.check(tmp_path / "good.h5") == 7
    content = (tmp_path / "good.h5").read_bytes()
    for name, damaged in (("none.h5", b"nothing"), ("cut.h5", content[: len(content) // 2])):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{name}: not a readable weights file"):
            weights_file.check(tmp_path / name)


def test_an_unknown_name_suggests_near_ones(zoo):
    with pytest.raises(ValueError, match="no preset 'smal'.*did you mean small?"):
        kerasgan.from_preset("smal")
    with pytest.raises(ValueError, match="`kerasgan zoo list` shows all"):
        kerasgan.from_preset("entirely_else")


def test_a_file_in_place_of_a_presets_folder_is_told(tmp_path):
    (tmp_path / "metadata.json").write_text('{"files": {}}')
    for name in ("config.json", "model.weights.h5"):
        (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match=f"it is a file of the preset {tmp_path}: give that folder"):
        kerasgan.from_preset(tmp_path / "config.json")
    (tmp_path / "runs").mkdir()
    for name, way in (("a.keras", "it is a file: kerasgan.load reads .keras files"), ("b.png", "it is a file$")):
        (tmp_path / "runs" / name).write_text("")
        with pytest.raises(ValueError, match=way):
            kerasgan.from_preset(tmp_path / "runs" / name)


def test_a_file_that_came_half_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "whole.keras", "w") as archive:
        archive.writestr("config.json", "{}" * 100)
    content = (tmp_path / "whole.keras").read_bytes()
    (tmp_path / "half.keras").write_bytes(content[:99])
    with pytest.raises(ValueError, match="half.keras: not a readable .keras file: 99 bytes .*copy or download it"):
        kerasgan.load(tmp_path / "half.keras")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"format": 1', '"format": 2', "made by a newer kerasgan"),
        ('"summary"', '"sumary"', "small: (sumary|summary)"),
        ('"small"', '"../small"', "expected a name of letters"),
        ('"small"', '"small\\n"', "expected a name of letters"),
        ('"config.json"', '"../config.json"', "got '../config.json'"),
        ('"metadata.json"', '"README.md"', "small: files: expected metadata.json among them"),
        ('"num_classes": 3', '"num_classes": "3"', "small: num_classes"),
        ("{", "", "not JSON"),
    ],
)
def test_a_wrong_registry_is_named(zoo, old, new, said):
    path = zoo / "registry.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=f"registry.json.*{said}"):
        kerasgan.from_preset("small")


def test_listing_and_downloading_import_no_tensorflow(web):
    script = "import sys; sys.argv = ['kerasgan', 'zoo', *sys.argv[1:]]\nimport kerasgan.cli.app\n"
    script += "try: kerasgan.cli.app.main()\nexcept SystemExit as end: assert not end.code, end.code\n"
    script += "assert not {'tensorflow', 'keras'} & set(sys.modules), 'heavy import'"
    for arguments in (["list"], ["info", f"{web.url}/small"], ["pull", f"{web.url}/small"]):
        done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "NAME" in done.stdout or "small" in done.stdout
