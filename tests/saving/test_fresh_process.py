"""Files are read by processes that have imported nothing but Keras and kerasgan: every objective, technique, layer."""

import importlib
import json
import pkgutil
import subprocess
import sys

import keras
import pytest

import kerasgan
from kerasgan import latents, layers, techniques
from kerasgan.networks import char_cnn, dcgan, mlp, random_architectures, resnet_cifar
from kerasgan.optimizers import schedules
from kerasgan.utils import registration
from tests import points
from tests.saving.load_all import samples_sum

OBJECTIVES = kerasgan.objectives.__all__
TECHNIQUES = {
    "AdaptiveAugmentation": lambda: techniques.AdaptiveAugmentation(images=1000),
    "AuxiliaryClassifier": lambda: techniques.AuxiliaryClassifier(2.0),
    "Dequantization": lambda: techniques.Dequantization(),
    "DiffAugment": lambda: techniques.DiffAugment(color=False),
    "AveragedCritic": lambda: techniques.AveragedCritic(0.9),
    "FeatureMatching": lambda: techniques.FeatureMatching(order=2, add=True),
    "GradientPenalty": lambda: techniques.GradientPenalty(0.1, one_sided=True, every=2),
    "HistoricalAveraging": lambda: techniques.HistoricalAveraging(0.5),
    "InstanceNoise": lambda: techniques.InstanceNoise(keras.optimizers.schedules.PolynomialDecay(0.3, 10, 0.0)),
    "OrthogonalRegularization": lambda: techniques.OrthogonalRegularization(0.1, critic=True),
    "R1": lambda: techniques.R1(schedules.Cosine(0.3, 0.1, 10), every=2),
    "R2": lambda: techniques.R2(schedules.HalfLife(0, 3, 10)),
    "SingularValueClamp": lambda: techniques.SingularValueClamp(ratio=1.1),
    "SingularValuePenalty": lambda: techniques.SingularValuePenalty(0.1, ratio=1.5),
}
LATENTS = {
    "GaussianMixture": lambda: latents.GaussianMixture(4, components=3, scale_penalty=0.1),
    "Normal": lambda: latents.Normal(4),
    "ScaledTruncatedNormal": lambda: latents.ScaledTruncatedNormal(4),
    "Uniform": lambda: latents.Uniform(4),
}
LAYERS = {
    "Add": layers.Add,
    "BatchNormalization": lambda: layers.BatchNormalization(synchronized=True),
    "Characters": lambda: layers.Characters("abcd"),  # and two more for padding and the unknown
    "ConditionalBatchNormalization": lambda: layers.ConditionalBatchNormalization(3),
    "Downsampling": lambda: layers.Downsampling(),
    "GroupedConv2D": lambda: layers.GroupedConv2D(6, 3, groups=2),
    "MinibatchDiscrimination": lambda: layers.MinibatchDiscrimination(2, 2),
    "ModulatedBatchNormalization": lambda: layers.ModulatedBatchNormalization(),
    "PlaceWeights": lambda: layers.PlaceWeights((4, 4)),
    "SampleNormalization": lambda: layers.SampleNormalization(),
    "SelfAttention": lambda: layers.SelfAttention(),
    "NoiseInjection": layers.NoiseInjection,
    "SpectralNormalization": lambda: layers.SpectralNormalization(keras.layers.Dense(6)),
    "UnitGain": lambda: layers.UnitGain(),
    "WeightNormalization": lambda: layers.WeightNormalization(keras.layers.Dense(6)),
    "StoredBatchNormalization": lambda: layers.StoredBatchNormalization(3, affine=True),
    "Upsampling": lambda: layers.Upsampling(),
}
VIRTUAL = ("DropReference", "ReferenceBatch", "VirtualBatchNormalization")  # which `points.critic` has together


def test_the_cases_are_all_there_are():
    assert sorted(TECHNIQUES) == sorted(set(techniques.__all__) - {"Technique"})
    assert sorted([*LAYERS, *VIRTUAL]) == sorted(layers.__all__)
    priors = [kind for kind in vars(latents).values() if isinstance(kind, type) and issubclass(kind, latents.Prior)]
    assert sorted(LATENTS) == sorted(kind.__name__ for kind in priors if kind is not latents.Prior)


def test_stand_ins_are_of_all_registered_classes():
    """A new class needs its line in `registration.CLASSES`."""
    for module in pkgutil.walk_packages(kerasgan.__path__, "kerasgan."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    known = keras.saving.get_custom_objects()
    ours = {name for name in known if name.startswith("kerasgan>")}
    assert ours == {f"kerasgan>{name}" for names in registration.CLASSES.values() for name in names}
    for name in ours:
        assert registration.found(name).__module__.startswith("kerasgan.")
        assert keras.saving.get_registered_name(registration.found(name)) == name


def with_layer(name):
    """Return a `Sampler` whose generator has the layer."""
    layer, z = LAYERS[name](), keras.Input((4,))
    labels, truncation = keras.Input((), dtype="int32"), keras.Input((), name="truncation")
    x = keras.layers.Dense(6)(z)
    if name == "ConditionalBatchNormalization":
        return kerasgan.Sampler(keras.Model([z, labels], layer([x, labels])), num_classes=3)
    if name == "StoredBatchNormalization":
        return kerasgan.Sampler(keras.Model([z, truncation], layer([x, truncation])))
    if name == "ModulatedBatchNormalization":
        return kerasgan.Sampler(keras.Model(z, layer([x, z])))
    if name in ("Downsampling", "GroupedConv2D", "PlaceWeights", "SampleNormalization", "SelfAttention", "Upsampling"):
        x = keras.layers.Reshape((4, 4, 8))(keras.layers.Dense(128)(z))
    if name == "Add":
        return kerasgan.Sampler(keras.Model(z, layer([x, x])))
    if name == "Characters":
        x = keras.layers.Reshape((1, 6))(x)
    return kerasgan.Sampler(keras.Model(z, layer(x)))


def with_technique(name):
    """Return an `SGAN` with the technique, of points where that can be."""
    given = {"techniques": [TECHNIQUES[name]()]}
    if name == "AuxiliaryClassifier":
        generator, critic = mlp.generator((2,), 4, 3, width=8), mlp.critic((2,), 3, width=8, auxiliary=True)
        return kerasgan.SGAN(generator, critic, num_classes=3, **given)
    if name in ("AdaptiveAugmentation", "Dequantization", "DiffAugment"):
        return kerasgan.SGAN(dcgan.generator((32, 32, 1), 4, filters=2), dcgan.critic((32, 32, 1), filters=2), **given)
    return kerasgan.SGAN(mlp.generator((2,), 4, width=8), mlp.critic((2,), width=8), **given)


def models():
    """Yield (name of the file, model)."""
    for name in OBJECTIVES:
        model = points.gan(name, with_techniques=True)
        model.compile()
        yield name, model
    yield "without techniques", points.gan("SGAN")
    for name in TECHNIQUES:
        yield name, with_technique(name)
    for name, latent in LATENTS.items():
        yield name, kerasgan.Sampler(mlp.generator((2,), 4, width=8), latent())
    for name in LAYERS:
        yield name, with_layer(name)
    yield "char_cnn", kerasgan.Sampler(char_cnn.generator((8, 5), 4, filters=4, blocks=1))
    yield "resnet_cifar", kerasgan.Sampler(resnet_cifar.generator((32, 32, 3), 4, 3, 4), num_classes=3)
    yield "random", kerasgan.Sampler(random_architectures.generator((32, 32, 3), 4, None, 8, nonlinearity="softplus"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder of `.keras` files and what `load_all.py` is to print of it."""
    folder, wanted = tmp_path_factory.mktemp("files"), []
    for name, model in models():
        model.save(folder / f"{name}.keras")
        wanted.append([name, type(model).__name__, samples_sum(model)])
    return folder, sorted(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kerasgan.load", "kerasgan first"])
def test_all_files_are_read_in_a_fresh_process(files, how):
    compare(*files, how)


@pytest.mark.parametrize("how", ["keras first", "in the middle"])
def test_keras_reads_files_whichever_was_imported_first(files, how, tmp_path):
    folder, wanted = files
    few = [found for found in wanted if found[0] in ("SGAN", "SelfAttention")]
    for name, _, _ in few:
        (tmp_path / f"{name}.keras").write_bytes((folder / f"{name}.keras").read_bytes())
    compare(tmp_path, few, how)


def compare(folder, wanted, how):
    """Load the files elsewhere and compare names, classes and samples."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.saving.load_all", folder, how],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = sorted(json.loads(line) for line in done.stdout.splitlines())
    assert [line[:2] for line in found] == [line[:2] for line in wanted], found
    for (name, _, here), (_, _, there) in zip(wanted, found):
        assert there == pytest.approx(here, rel=1e-4, abs=1e-3), name


def test_help_and_list_and_import_leave_keras_alone():
    code = (
        "import sys, kerasgan, kerasgan.cli.app\n"
        "try: kerasgan.cli.app.app(['zoo', 'list'])\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "biggan_fashion_mnist" in done.stdout, done.stderr


def test_a_gan_that_was_not_compiled_is_not_when_loaded(tmp_path):
    kerasgan.SGAN(mlp.generator((2,), 4, width=8), mlp.critic((2,), width=8)).save(tmp_path / "gan.keras")
    gan = kerasgan.load(tmp_path / "gan.keras")
    assert not gan.compiled and gan.generator_optimizer is None


@pytest.mark.parametrize("name", ["gan.h5", "gan", "gan.hdf5", "gan.keras.zip", "gan.weights.h5"])
def test_another_ending_is_named(small_gan, tmp_path, name):
    with pytest.raises(ValueError, match=rf"filepath: expected a path ending in .keras; got '.*{name}'"):
        small_gan().save(tmp_path / name)
    with pytest.raises(ValueError, match=r"filepath: expected a path ending in .weights.h5; got"):
        small_gan().save_weights(tmp_path / "gan.h5")
    assert not list(tmp_path.iterdir())
