"""ONNX and LiteRT files, run without TensorFlow: they make the images of `sample`, or are not there."""

import json
import os
import pathlib
import re
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner

import kerasgan
from kerasgan import latents, networks
from kerasgan.models import checks
from kerasgan.models.runtimes import check, facts, litert, onnx, openvino
from tests.conftest import make_gan, raise_contrast
from tests.networks import families
from tests.networks.families import FAMILIES

pytestmark = pytest.mark.parity

ROOT = pathlib.Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runtimes.md").read_text()
SNIPPETS = dict(re.findall(r'^```python title="([^"]+)"\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL))
RUNTIMES = [pytest.param(each, id=each.__name__.rpartition(".")[2]) for each in (onnx, litert, openvino)]
NOT_IMAGES = {"char_cnn", "mlp"}
CRITICS_ONLY = {"PairwiseCritic", "improved_gan", "projected"}


def run(path, **inputs):
    """Images of a file, in its runtime."""
    if path.suffix == ".onnx":
        import onnxruntime

        return onnxruntime.InferenceSession(path).run(["images"], inputs)[0]
    if path.suffix == ".xml":
        core = openvino.package().Core()
        return core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(inputs)["images"]
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(str(path)).get_signature_runner()(**inputs)["images"]


def told(path):
    if path.suffix == ".onnx":
        import onnxruntime

        return json.loads(onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map["kerasgan"])
    if path.suffix == ".xml":
        found = openvino.package().Core().read_model(path).get_rt_info(["framework", "kerasgan"])
        return json.loads(found.astype(str))
    return json.loads(zipfile.ZipFile(path).read("kerasgan.json"))


def same(images, wanted):
    assert images.dtype == wanted.dtype and images.shape == wanted.shape
    assert wanted.std(axis=0).mean() > 5, "one image is like another"
    return np.abs(images.astype(int) - wanted).max() <= 1


def family(name):
    keras.utils.set_random_seed(0)
    generator, classes = families.generator(name)
    gan, rng = kerasgan.Sampler(generator, num_classes=classes), np.random.default_rng(0)
    for _ in range(20):
        for weight in generator.trainable_variables:  # no two classes alike
            weight.assign_add(rng.normal(0, 0.1, weight.shape))
        if gan.sample(8).std(axis=0).mean() > 10:
            return gan
    raise AssertionError("the generator's images do not depend on the seed")


@pytest.fixture(scope="module")
def conditional():
    """A sampler of three classes whose images differ from seed to seed."""
    gan = make_gan(num_classes=3, class_names=["boot", "coat", "hat"])
    raise_contrast(gan)
    return gan


def test_every_family_of_generators_is_here():
    modules = {name for name in networks.__all__ if name not in NOT_IMAGES | CRITICS_ONLY}
    assert {module.__name__.rsplit(".", 1)[-1] for module, *_ in FAMILIES.values()} == modules


LONG = ("biggan_deep",)  # whose graph takes a runtime ten seconds and more
CASES = [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in FAMILIES]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("name", CASES)
def test_each_family_makes_the_same_images(name, runtime, tmp_path):
    gan = family(name)
    path = tmp_path / f"model{runtime.ENDING}"
    assert runtime.export(gan, path) in (0, 1)
    seeds = np.array([7, 100, -1])  # not those of the check
    labels = None if gan.num_classes is None else np.array([2, 0, 2], np.int32)
    truncation = np.array([0.3, 1.0, 0.77], np.float32) if gan.takes_truncation else None
    given = {"label": labels, "truncation": truncation}
    inputs = {key: values for key, values in given.items() if values is not None}
    inputs["z"] = kerasgan.seeds.draw(told(path)["prior"], seeds, truncation)
    assert same(run(path, **inputs), gan.sample(3, seeds, labels, truncation))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    "name",
    [
        "sgan_fashion_mnist",
        pytest.param("biggan_fashion_mnist", marks=pytest.mark.slow),
        pytest.param("deligan_fashion_mnist", marks=pytest.mark.slow),
    ],
)
def test_a_preset_of_the_repository(name, runtime, tmp_path):
    gan = kerasgan.from_preset(name)
    path = tmp_path / f"{name}{runtime.ENDING}"
    assert runtime.export(gan, path) in (0, 1)
    labels = None if gan.num_classes is None else np.arange(10, dtype=np.int32)[::-1]
    inputs = {} if labels is None else {"label": labels}
    inputs["z"] = kerasgan.seeds.draw(told(path)["prior"], range(50, 60), 0.7)
    assert same(run(path, **inputs), gan.sample(10, 50, labels, truncation=0.7))
    assert told(path)["class_names"] == (None if labels is None else list(gan.class_names))


@pytest.mark.parametrize(
    ("snippet", "runtime"), [("with_onnxruntime.py", onnx), ("with_litert.py", litert), ("with_openvino.py", openvino)]
)
def test_the_page_s_snippets_need_no_tensorflow(snippet, runtime, tmp_path):
    gan = kerasgan.from_preset("sgan_fashion_mnist")
    runtime.export(gan, tmp_path / f"garments{runtime.ENDING}")
    (tmp_path / "kerasgan_client").mkdir()  # as its wheel has it
    (tmp_path / "kerasgan_client" / "__init__.py").touch()
    (tmp_path / "kerasgan_client" / "seeds.py").write_text((ROOT / "kerasgan" / "seeds.py").read_text())
    script = SNIPPETS[snippet] + "\nimport sys, numpy\nnumpy.save('images.npy', images)\n"
    script += "print([name for name in ('tensorflow', 'keras', 'kerasgan') if name in sys.modules])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    environment["CI"] = "true"  # OpenVINO reports its use to Intel elsewhere
    line = [sys.executable, "-c", script]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    wanted = gan.sample(1, seed=7, labels="Ankle boot")
    made = np.load(tmp_path / "images.npy")
    assert np.abs(made.astype(int) - wanted).max() <= 1 and wanted.std() > 50


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_label_that_is_no_class_is_refused_by_the_runtime(runtime, conditional, tmp_path):
    path = tmp_path / f"model{runtime.ENDING}"
    runtime.export(conditional, path)
    z = kerasgan.seeds.draw(told(path)["prior"], [1, 2])
    assert same(run(path, z=z, label=np.array([0, 2], np.int32)), conditional.sample(2, 1, [0, 2]))
    for label in (3, -1, -3, 2**31 - 1):
        with pytest.raises(
            Exception, match="out of|label: expected integers in \\[0, 3\\)"
        ):  # each runtime's own class
            run(path, z=z, label=np.array([0, label], np.int32))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_label_that_is_no_class_is_refused_where_no_table_is_of_the_classes(runtime, tmp_path):
    """One-hot labels give zeros, and a table of more rows another class."""
    z, label = keras.Input((4,)), keras.Input((), dtype="int32")
    row = keras.layers.Concatenate()([z, keras.ops.one_hot(label, 3)])
    made = keras.layers.Reshape((2, 2, 1))(keras.layers.Dense(4, activation="tanh")(row))
    path = tmp_path / f"model{runtime.ENDING}"
    runtime.export(kerasgan.Sampler(keras.Model([z, label], made), num_classes=3), path)
    latents = np.zeros((2, 4), "float32")
    assert run(path, z=latents, label=np.array([0, 2], np.int32)).shape == (2, 2, 2, 1)
    for wrong in (3, -1):
        with pytest.raises(Exception, match="out of|label: expected integers in \\[0, 3\\)"):
            run(path, z=latents, label=np.array([0, wrong], np.int32))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_file_tells_what_is_needed_to_use_it(runtime, conditional, tmp_path):
    path = tmp_path / f"model{runtime.ENDING}"
    runtime.export(conditional, path)
    assert told(path) == {
        "kerasgan": kerasgan.__version__,
        "prior": {"prior": "Normal", "dim": 8},
        "num_classes": 3,
        "class_names": ["boot", "coat", "hat"],
        "image_shape": [32, 32, 1],
    }


def test_onnx_names_inputs_and_output(conditional, tmp_path):
    import onnxruntime

    onnx.export(conditional, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    described = [(each.name, each.type, each.shape) for each in (*session.get_inputs(), *session.get_outputs())]
    assert described == [
        ("z", "tensor(float)", ["N", 8]),
        ("label", "tensor(int32)", ["N"]),
        ("images", "tensor(uint8)", ["N", 32, 32, 1]),
    ]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_moving_average_is_exported(runtime, tmp_path):
    gan = make_gan(kerasgan.WGANGP, critic_steps=1, ema_decay=0.9)
    gan.fit(np.random.default_rng(0).integers(0, 256, (64, 32, 32, 1), dtype=np.uint8), batch_size=16, verbose=0)
    raise_contrast(gan)
    path = tmp_path / f"model{runtime.ENDING}"
    runtime.export(gan, path)
    assert same(run(path, z=kerasgan.seeds.draw(told(path)["prior"], range(4))), gan.sample(4))


def mixture():
    prior = latents.GaussianMixture(8, components=5, learned_weights=True)
    rng = np.random.default_rng(0)
    prior.set_weights([rng.normal(size=value.shape).astype(np.float32) for value in prior.get_weights()])
    return prior


class Doubled(latents.Normal):
    """A prior of a user's own."""

    def call(self, uniforms, truncation=None, rows=None):
        return 2.0 * super().call(uniforms, truncation)


@pytest.mark.parametrize(
    "prior",
    [mixture(), latents.Uniform(8), latents.ScaledTruncatedNormal(8, bound=1.5)],
    ids=lambda p: type(p).__name__,
)
def test_what_is_told_of_a_prior_draws_its_latents(prior, tmp_path):
    gan = kerasgan.Sampler(make_gan().generator, prior)
    raise_contrast(gan)
    onnx.export(gan, tmp_path / "model.onnx")
    z = kerasgan.seeds.draw(told(tmp_path / "model.onnx")["prior"], range(20, 26), 0.9)
    assert same(run(tmp_path / "model.onnx", z=z), gan.sample(6, 20, truncation=0.9))


def test_a_prior_of_a_user_s_own_is_not_told(tmp_path):
    gan = kerasgan.Sampler(make_gan().generator, Doubled(8))
    raise_contrast(gan)
    assert onnx.export(gan, tmp_path / "model.onnx") in (0, 1)
    assert told(tmp_path / "model.onnx")["prior"] is None
    z = 2.0 * kerasgan.seeds.draw({"prior": "Normal", "dim": 8}, range(4))
    assert same(run(tmp_path / "model.onnx", z=z), gan.sample(4))


@pytest.mark.parametrize(("classes", "labels"), [(3, 8), (10, 10), (1000, 32)])
def test_the_check_takes_all_classes_in_turn_or_spreads_over_them(classes, labels):
    gan = kerasgan.Sampler(networks.mlp.generator((2,), num_classes=classes, width=4), num_classes=classes)
    _, inputs = check._inputs(gan, facts.facts(gan))
    assert inputs["label"].dtype == np.int32 and inputs["z"].shape == (labels, 2)
    assert len(inputs["label"]) == labels and len(set(inputs["label"])) == min(classes, labels)
    assert (inputs["label"].min(), inputs["label"].max()) == (0, classes - 1)


@pytest.mark.parametrize("overwritten", [False, True])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_no_file_is_left_where_the_images_are_others(runtime, overwritten, conditional, monkeypatch, tmp_path):
    other = make_gan(num_classes=3)
    of = "converted" if runtime is onnx else "_converted"
    converted = getattr(runtime, of)(other)
    monkeypatch.setattr(runtime, of, lambda gan, *rest, **named: converted)
    path = tmp_path / f"model{runtime.ENDING}"
    if overwritten:
        path.write_text("older")
    with pytest.raises(RuntimeError, match=r"makes other images than TensorFlow: they differ by up to \d+ of 255"):
        runtime.export(conditional, path, overwrite=overwritten)
    assert [file.name for file in tmp_path.iterdir()] == [path.name] * overwritten
    assert not overwritten or path.read_text() == "older"


@pytest.mark.parametrize("levels", [0, 1, 2, 255])
def test_one_level_is_allowed_and_two_are_not(levels, conditional):
    def off(inputs):
        images = conditional.images_from_latents(inputs["z"], inputs["label"]).numpy().astype(int)
        images[0, 0, 0] += np.where(images[0, 0, 0] < 128, levels, -levels)
        return np.clip(images, 0, 255).astype(np.uint8)

    def checked():
        return check.levels(conditional, facts.facts(conditional), off, "a runtime 1.0")

    if levels < 2:
        assert checked() == levels
    else:
        with pytest.raises(
            RuntimeError, match=r"^a runtime 1.0 makes other images .* by up to \d+ of 255 levels, where 1"
        ):
            checked()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda inputs: np.zeros((len(inputs["z"]), 32, 32, 1), np.float32), r"makes float32 \(8, 32, 32, 1\)"),
        (lambda inputs: np.zeros((1, 32, 32, 1), np.uint8), r"makes uint8 \(2, 32, 32, 1\)"),
        (lambda inputs: 1 / 0, "does not compute what was written: division by zero"),
    ],
)
def test_what_is_no_such_image_is_refused(made, said, conditional):
    with pytest.raises(RuntimeError, match=f"^a runtime 1.0 {said}"):
        check.levels(conditional, facts.facts(conditional), made, "a runtime 1.0")


@pytest.mark.parametrize(
    ("runtime", "of"),
    [(onnx, "converted"), (litert, "_converted"), (openvino, "_write")],
    ids=["onnx", "litert", "openvino"],
)
def test_no_file_is_left_where_the_runtime_cannot_load_it(runtime, of, conditional, monkeypatch, tmp_path):
    def meaningless(gan, path=None, *rest, **named):
        return b"of no meaning" if path in (None, False) else path.write_bytes(b"of no meaning")

    monkeypatch.setattr(runtime, of, meaningless)
    with pytest.raises(RuntimeError, match="does not load what was written"):
        runtime.export(conditional, tmp_path / f"model{runtime.ENDING}")
    assert not list(tmp_path.iterdir())


class Unknown(keras.layers.Layer):
    """An operation that neither runtime has."""

    def call(self, inputs):
        return tf.math.digamma(2.0 + inputs)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_no_file_is_left_where_an_operation_is_unknown(runtime, tmp_path):
    z = keras.Input((4,))
    images = keras.layers.Reshape((2, 2, 1))(Unknown()(z))
    gan = kerasgan.Sampler(keras.Model(z, images))
    with pytest.raises(RuntimeError, match="cannot convert it|does not load what was written"):
        runtime.export(gan, tmp_path / f"model{runtime.ENDING}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_cannot_be_written_is_said_before_anything_is_computed(runtime, conditional, monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=rf"^filepath: expected a path ending in \{runtime.ENDING}; got .*1'$"):
        runtime.export(None, tmp_path / "1")
    path = tmp_path / f"model{runtime.ENDING}"
    path.write_text("older")
    with pytest.raises(FileExistsError, match="exists; choose another path, or say overwrite=True"):
        runtime.export(None, path)
    points = kerasgan.Sampler(networks.mlp.generator((2,), width=4))
    with pytest.raises(ValueError, match=r"^gan: expected a generator of images \(H, W, C\); it makes \(2,\)"):
        runtime.export(points, tmp_path / f"points{runtime.ENDING}")
    monkeypatch.setattr(checks.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'kerasgan\[runtimes\]'$"):
        runtime.export(None, path, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == [path.name] and path.read_text() == "older"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_weights_that_are_not_finite_are_refused(runtime, tmp_path):
    gan = make_gan()
    variable = gan.sampling_generator.weights[0]
    variable.assign(np.full(variable.shape, np.nan))
    with pytest.raises(ValueError, match="^gan: expected finite weights; got NaN"):
        runtime.export(gan, tmp_path / f"model{runtime.ENDING}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_weights_of_float16_take_half_the_bytes(runtime, tmp_path):
    gan = kerasgan.from_preset("sgan_fashion_mnist")
    full, half = tmp_path / f"full{runtime.ENDING}", tmp_path / f"half{runtime.ENDING}"
    runtime.export(gan, full)
    assert runtime.export(gan, half, float16=True) <= 1
    sizes = [(path.with_suffix(".bin") if runtime is openvino else path).stat().st_size for path in (full, half)]
    assert 0.49 < sizes[1] / sizes[0] < 0.56
    z, labels = kerasgan.seeds.draw(told(half)["prior"], range(50, 60)), np.arange(10, dtype=np.int32)
    assert same(run(half, z=z, label=labels), gan.sample(10, 50))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_weights_that_are_no_float16_are_rounded(runtime, conditional, tmp_path):
    path = tmp_path / f"half{runtime.ENDING}"
    assert runtime.export(conditional, path, float16=True) <= check.LEVELS_OF_FLOAT16
    z = kerasgan.seeds.draw(told(path)["prior"], range(20, 28))
    made = run(path, z=z, label=np.zeros(8, np.int32))
    assert 0 < np.abs(made.astype(int) - conditional.sample(8, 20, 0)).max() <= 8


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_generator_of_mixed_precision_is_written_in_float32(runtime, policy, tmp_path):
    """That of a training on a GPU had no export: the runtimes have no products of bfloat16."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        mixed = kerasgan.Sampler(networks.dcgan.generator((32, 32, 1), 8, 3, filters=4), num_classes=3)
    finally:
        keras.config.set_dtype_policy(before)
    assert mixed.generator.layers[-2].compute_dtype == policy.removeprefix("mixed_")
    raise_contrast(mixed)
    wide = kerasgan.Sampler(networks.dcgan.generator((32, 32, 1), 8, 3, filters=4), num_classes=3)
    wide.set_weights(mixed.get_weights())
    path = tmp_path / f"mixed{runtime.ENDING}"
    assert runtime.export(mixed, path) <= 1
    z, label = np.random.default_rng(0).normal(size=(3, 8)).astype("float32"), np.arange(3, dtype="int32")
    same(run(path, z=z, label=label), wide.images_from_latents(z, label).numpy())


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_fixed_number_of_images(runtime, conditional, tmp_path):
    path = tmp_path / f"three{runtime.ENDING}"
    assert runtime.export(conditional, path, batch=3) in (0, 1)
    assert batch_of(path) == {"z": 3, "label": 3}
    z, labels = kerasgan.seeds.draw(told(path)["prior"], range(20, 23)), np.array([2, 0, 1], np.int32)
    assert same(run(path, z=z, label=labels), conditional.sample(3, 20, labels))
    with pytest.raises(Exception, match="out of|label: expected integers in \\[0, 3\\)"):
        run(path, z=z, label=np.array([0, 3, 1], np.int32))
    with pytest.raises(ValueError, match="^batch: expected a positive number of images, or None for any; got 0$"):
        runtime.export(conditional, tmp_path / f"none{runtime.ENDING}", batch=0)


def batch_of(path):
    """The rows that a file says it takes, of each input."""
    if path.suffix == ".onnx":
        import onnxruntime

        return {each.name: each.shape[0] for each in onnxruntime.InferenceSession(path).get_inputs()}
    if path.suffix == ".xml":
        model = openvino.package().Core().read_model(path)
        return {each.get_any_name(): each.get_partial_shape()[0].get_length() for each in model.inputs}
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(str(path)).get_signature_runner().get_input_details()
    return {name: detail["shape_signature"][0] for name, detail in details.items()}


@pytest.mark.parametrize("runtime", RUNTIMES[:2])
def test_weights_of_int8_take_a_quarter_of_the_bytes(runtime, tmp_path):
    gan = kerasgan.from_preset("sgan_fashion_mnist")
    full, small = tmp_path / f"full{runtime.ENDING}", tmp_path / f"small{runtime.ENDING}"
    runtime.export(gan, full)
    levels = runtime.export(gan, small, int8=True)
    assert 0.24 < small.stat().st_size / full.stat().st_size < 0.3
    assert 1 <= levels <= check.LEVELS_OF_INT8 and told(small) == told(full) | {"int8_levels": levels}
    z, labels = kerasgan.seeds.draw(told(small)["prior"], range(50, 80)), np.arange(30, dtype=np.int32) % 10
    difference = np.abs(run(small, z=z, label=labels).astype(int) - gan.sample(30, 50, labels))
    assert difference.max() <= check.LEVELS_OF_INT8 and 0.01 < difference.mean() < 1
    with pytest.raises(Exception, match="out of"):
        run(small, z=z, label=labels + 1)


@pytest.mark.parametrize("runtime", RUNTIMES[:2])
def test_the_bound_of_int8_can_be_moved(runtime, conditional, tmp_path):
    path = tmp_path / f"model{runtime.ENDING}"
    with pytest.raises(
        RuntimeError, match=r"differ by up to \d+ of 255 levels, where 0 is allowed \(allowed_levels ra"
    ):
        runtime.export(conditional, path, int8=True, allowed_levels=0)
    assert not list(tmp_path.iterdir())
    levels = runtime.export(conditional, path, int8=True, allowed_levels=255)
    runtime.export(conditional, path, int8=True, allowed_levels=levels, overwrite=True)
    with pytest.raises(RuntimeError, match=f"differ by up to {levels} of 255 levels, where {levels - 1} is allowed"):
        runtime.export(conditional, path, int8=True, allowed_levels=levels - 1, overwrite=True)
    with pytest.raises(ValueError, match=r"^int8: expected float16=False with it"):
        runtime.export(conditional, path, int8=True, float16=True, overwrite=True)
    with pytest.raises(ValueError, match=r"^allowed_levels: expected a number in \[0, 255\], or None; got 256"):
        runtime.export(conditional, path, allowed_levels=256, overwrite=True)


def test_int8_of_onnx_is_the_nearest_multiple_of_a_channel_s_scale(tmp_path):
    import onnx as package

    gan = make_gan(num_classes=3)
    full, small = (package.load_from_string(onnx.converted(gan, int8=int8)).graph for int8 in (False, True))
    of = {each.name: package.numpy_helper.to_array(each) for each in (*full.initializer, *small.initializer)}
    stored = {name.removesuffix("/int8"): each for name, each in of.items() if each.dtype == np.int8}
    assert {each.ndim for each in stored.values()} == {2, 4}
    for name, steps in stored.items():
        scales, values = of[f"{name}/scale"], of[name]
        axis = int(np.argmax(scales.shape))
        assert scales.size == values.shape[axis] > 1
        assert (np.abs(steps).max(axis=tuple(set(range(steps.ndim)) - {axis})) == 127).all()
        assert (np.abs(steps * scales - values) <= scales / 2 * 1.001).all()


def test_onnx_runtime_computes_int8_s_products_in_float32(conditional, tmp_path):
    import onnx as package
    import onnxruntime

    onnx.export(conditional, tmp_path / "model.onnx", int8=True, allowed_levels=255)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(tmp_path / "model.onnx", options)
    optimized = package.load(tmp_path / "optimized.onnx").graph
    assert not [each for each in optimized.initializer if each.data_type == package.TensorProto.INT8]
    assert not {"MatMulNBits", "MatMulInteger", "DynamicQuantizeMatMul"} & {node.op_type for node in optimized.node}


def test_a_gan_has_all_exports(conditional, tmp_path):
    assert conditional.export_onnx(tmp_path / "model.onnx") in (0, 1)
    assert conditional.export_litert(str(tmp_path / "model.tflite")) in (0, 1)
    assert conditional.export_openvino(tmp_path / "model.xml") in (0, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.bin", "model.onnx", "model.tflite", "model.xml"]


def test_openvino_s_two_files_are_replaced_together(conditional, tmp_path):
    other = make_gan()
    raise_contrast(other)
    openvino.export(other, tmp_path / "model.xml")
    for name in ("model.xml", "model.bin"):
        kept = (tmp_path / name).read_bytes()
        (tmp_path / name).unlink()
        with pytest.raises(FileExistsError, match="exists; choose another path, or say overwrite=True"):
            openvino.export(None, tmp_path / "model.xml")
        (tmp_path / name).write_bytes(kept)
    openvino.export(conditional, tmp_path / "model.xml", overwrite=True)
    z = kerasgan.seeds.draw(told(tmp_path / "model.xml")["prior"], range(4))
    assert same(run(tmp_path / "model.xml", z=z, label=np.zeros(4, np.int32)), conditional.sample(4, labels=0))


def test_openvino_does_not_report_that_it_is_imported(tmp_path):
    code = "from kerasgan.models.runtimes import openvino; openvino.package(); import openvino_telemetry"
    environment = os.environ | {"HOME": str(tmp_path), "CI": ""}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert not list(tmp_path.glob("intel/*"))  # where it keeps what it knows of its user


def test_the_command(tmp_path):
    from kerasgan.cli.app import app

    def kerasgan_export(*arguments):
        return CliRunner().invoke(app, ["export", *map(str, arguments)])

    preset = ROOT / "zoo" / "presets" / "sgan_fashion_mnist"
    for name, ending in (("onnx", ".onnx"), ("litert", ".tflite"), ("openvino", ".xml")):
        path = tmp_path / f"garments{ending}"
        done = kerasgan_export(preset, path, "--format", name)
        assert re.fullmatch(
            rf"{name}: {re.escape(str(path))}; its images differ from sample's by at most [01] of 255 levels\n",
            done.stdout,
        ), done
        assert path.is_file()
        assert isinstance(kerasgan_export("no model", path, "--format", name).exception, FileExistsError)
        wrong = kerasgan_export("no model", tmp_path / "1", "--format", name).exception
        assert isinstance(wrong, ValueError) and str(wrong).startswith("out: expected a path ending in")
    assert kerasgan_export(preset, tmp_path / "a.onnx", "--format", "tensorrt").exit_code == 2
    assert kerasgan_export(preset, tmp_path / "half.onnx", "--format", "onnx", "--float16").exit_code == 0
    assert (tmp_path / "half.onnx").stat().st_size < 0.6 * (tmp_path / "garments.onnx").stat().st_size
    assert kerasgan_export(preset, tmp_path / "1", "--float16").exit_code == 2
    small = kerasgan_export(preset, tmp_path / "small.onnx", "--format", "onnx", "--int8")
    assert re.search(r"by at most \d+ of 255 levels", small.stdout)
    assert (tmp_path / "small.onnx").stat().st_size < 0.3 * (tmp_path / "garments.onnx").stat().st_size
    strict = ("--format", "onnx", "--int8", "--allowed-levels", "1")
    assert "where 1 is allowed" in str(kerasgan_export(preset, tmp_path / "strict.onnx", *strict).exception)
    assert kerasgan_export(preset, tmp_path / "a.xml", "--format", "openvino", "--int8").exit_code == 2
    assert kerasgan_export(preset, tmp_path / "a.onnx", *strict, "--float16").exit_code == 2
    assert kerasgan_export(preset, tmp_path / "1", "--allowed-levels", "1").exit_code == 2
    assert kerasgan_export(preset, tmp_path / "two.tflite", "--format", "litert", "--batch", "2").exit_code == 0
    assert batch_of(tmp_path / "two.tflite") == {"z": 2, "label": 2}
    assert kerasgan_export(preset, tmp_path / "1", "--batch", "2").exit_code == 2
    assert kerasgan_export(preset, tmp_path / "page", "--format", "web", "--batch", "2").exit_code == 2
