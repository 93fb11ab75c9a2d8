"""`.keras` files of the generator alone, which Keras reads with any backend."""

import keras

from kerasgan.models import checks, standing_statistics
from kerasgan.models.runtimes import check, facts
from kerasgan.utils import atomic_files, backend, destinations

ENDING = ".keras"


def export(gan, filepath, overwrite=False):
    """Write the generator that `sample` uses, with its prior, as a `.keras` file, and compare what is read of it.

    It has neither critic nor optimizers, and of a GAN the moving average. `kerasgan.load` reads it as a
    `kerasgan.Sampler`, with Keras on TensorFlow, JAX or PyTorch: its batch norms are not synchronized between replicas,
    which Keras has with TensorFlow alone.

    Args:
        gan: a `kerasgan.Sampler`, such as a `GAN`.
        filepath: path ending in `.keras`. The file appears whole or not at all.
        overwrite: whether an older file may be replaced.

    Returns:
        The largest difference from `sample`'s images, a number of levels of 255: 0 or 1.

    Raises:
        ValueError: if the path ends otherwise, or the model does not make images or has weights that are not finite.
        FileExistsError: if there is such a file and `overwrite` is false.
        OSError: if the file cannot be written.
        RuntimeError: if what is read makes other images; no file is left.
    """
    may_write(filepath, overwrite)
    checks.makes_images(gan)
    with atomic_files.written_whole(filepath) as beside:
        _converted(gan).save(beside)
        loaded = keras.saving.load_model(beside)
        return check.levels(gan, facts.facts(loaded), _run(loaded), f"keras {keras.__version__}")


def may_write(filepath, overwrite=False):
    """Raise what `export` raises before it computes: `ValueError` or `FileExistsError`."""
    destinations.ending("filepath", filepath, ENDING)
    destinations.may_be_written("filepath", filepath, overwrite)


def _converted(gan):
    """A `Sampler` of what `sample` uses."""
    copy = standing_statistics.copied(gan)
    checks.finite_weights(copy, "gan")
    config = backend.without_replicas(keras.saving.serialize_keras_object(copy))
    sampler = keras.saving.deserialize_keras_object(config)
    sampler.set_weights(copy.get_weights())
    return sampler


def _run(sampler):
    """The function from inputs to images."""

    def images(inputs):
        return sampler.images_from_latents(inputs["z"], inputs.get("label"), inputs.get("truncation")).numpy()

    return images
