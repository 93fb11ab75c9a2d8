"""Kernels that are stored in float16."""

import time

import h5py
import numpy as np
import pytest

import kerasgan
from kerasgan.models import standing_statistics
from kerasgan.saving import presets, weights_file
from kerasgan.zoo import publish
from tests.conftest import make_gan


@pytest.mark.parametrize("prior", [None, kerasgan.latents.GaussianMixture(8, 5)])
def test_float16_halves_kernels_and_hardly_changes_images(tmp_path, prior):
    gan = make_gan(latent=prior)
    for variable in gan.generator.variables:  # images of full contrast, as those of a trained network
        if len(variable.shape) > 1:
            variable.assign(variable * 25)
    sampler = standing_statistics.copied(gan)
    sampler.generator.set_weights(gan.generator.get_weights())
    exact = sampler.sample(64).astype(int)
    assert exact.std() > 60
    presets.save(sampler, tmp_path / "whole", {}, "# it\n")
    weights_file.round_to_float16(sampler.generator.variables + sampler.latent.variables)
    presets.write(sampler, tmp_path / "half", {}, "# it\n", float16=True)
    rounded = kerasgan.from_preset(tmp_path / "half").sample(64).astype(int)
    assert 0 < np.abs(rounded - exact).mean() <= 1
    np.testing.assert_array_equal(rounded, sampler.sample(64))
    kinds = set()
    with h5py.File(tmp_path / "half" / "model.weights.h5") as file:
        file.visititems(
            lambda name, item: kinds.add((item.ndim > 1, item.dtype.name)) if isinstance(item, h5py.Dataset) else None
        )
    assert kinds - {(False, "int64"), (False, "uint32")} == {(True, "float16"), (False, "float32")}
    sizes = [(tmp_path / name / "model.weights.h5").stat().st_size for name in ("half", "whole")]
    assert sizes[0] < 0.75 * sizes[1]


def test_the_same_weights_give_the_same_bytes(small_gan, tmp_path):
    sampler = standing_statistics.copied(small_gan())
    sampler.save_weights(tmp_path / "a.weights.h5")
    for name in ("b", "c"):
        weights_file.store_as_float16(tmp_path / "a.weights.h5", tmp_path / name)
        time.sleep(1.1)  # HDF5 knows seconds
    assert (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


def test_a_number_beyond_float16_keeps_its_kernel_whole(small_gan):
    sampler = standing_statistics.copied(small_gan())
    kernels = [variable for variable in sampler.generator.variables if len(variable.shape) > 1]
    large = kernels[0].numpy() + 1e-4
    large.flat[0] = 70000.0
    kernels[0].assign(large)
    before = kernels[1].numpy()
    weights_file.round_to_float16(sampler.generator.variables)
    np.testing.assert_array_equal(kernels[0].numpy(), large)
    np.testing.assert_array_equal(kernels[1].numpy(), before.astype(np.float16))


def test_rounding_that_shows_is_refused(run, tmp_path, monkeypatch):
    def spoil(variables):
        for variable in variables:
            variable.assign(variable * 3)

    monkeypatch.setattr(weights_file, "round_to_float16", spoil)
    with pytest.raises(ValueError, match="float16: expected to change the picture by at most 1 of 255 levels"):
        publish.publish(run, tmp_path / "zoo", licence="x", float16=True)
    assert not (tmp_path / "zoo").exists()
