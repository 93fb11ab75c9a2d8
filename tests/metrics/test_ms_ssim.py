"""MS-SSIM against TensorFlow's, pytorch-msssim's and what is known of it."""

import numpy as np
import pytest
import tensorflow as tf

from kerasgan.metrics.ms_ssim import WEIGHTS, ms_ssim, ms_ssim_variety, scales_of

RNG = np.random.default_rng(0)


def pairs(number, height, width, channels):
    """Smooth images and the same with noise, uint8."""
    coarse = RNG.uniform(0, 255, (number, 5, 5, channels))
    a = tf.image.resize(coarse, (height, width), "bicubic").numpy()
    b = a * RNG.uniform(0.5, 1.0, (number, 1, 1, 1)) + RNG.normal(0, 20, a.shape)
    return (np.clip(images, 0, 255).astype("uint8") for images in (a, b))


@pytest.mark.parametrize(
    ("height", "width", "channels", "scales"),
    [(32, 32, 3, 2), (28, 28, 1, 2), (64, 48, 3, 3), (96, 96, 3, 4), (176, 176, 3, 5), (16, 40, 1, 1), (45, 61, 3, 3)],
)
def test_it_is_tensorflows(height, width, channels, scales):
    a, b = pairs(2, height, width, channels)
    assert scales_of(height, width) == scales
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales]) * 1.0001
    theirs = tf.image.ssim_multiscale(a, b, 255, power_factors=weights.tolist())
    found = ms_ssim(a, b)
    np.testing.assert_allclose(found, theirs, rtol=2e-4)  # TensorFlow's is in float32
    assert ((0.05 < found) & (found < 0.95)).all()


@pytest.mark.parity
@pytest.mark.parametrize(("size", "channels"), [(176, 3), (192, 1)])
def test_five_scales_are_pytorch_msssims(size, channels):
    import pytorch_msssim
    import torch

    a, b = pairs(2, size, size, channels)
    moved = (torch.tensor(images.transpose(0, 3, 1, 2).astype("float64")) for images in (a, b))
    window = torch.exp(-(torch.arange(-5, 6, dtype=torch.float64) ** 2) / 4.5)  # theirs is of float32
    window = (window / window.sum()).repeat(channels, 1, 1, 1)
    theirs = pytorch_msssim.ms_ssim(*moved, data_range=255, size_average=False, win=window).numpy()
    np.testing.assert_allclose(ms_ssim(a, b), theirs, rtol=1e-7)


def test_known_similarities():
    a, _ = pairs(3, 32, 32, 3)
    np.testing.assert_allclose(ms_ssim(a, a), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(ms_ssim(a, 255 - a, scales=1) < 0.3, True)
    # flat images differ in luminance alone, at the coarsest scale alone
    black, grey = np.zeros((1, 32, 32, 1), "uint8"), np.full((1, 32, 32, 1), 100, "uint8")
    c1 = (0.01 * 255) ** 2
    assert ms_ssim(black, grey)[0] == pytest.approx((c1 / (100**2 + c1)) ** (0.2856 / 0.3304 * 1.0001))


def test_fewer_scales_may_be_asked_for_and_more_not():
    a, b = pairs(2, 64, 64, 1)
    theirs = tf.image.ssim_multiscale(a, b, 255, power_factors=[1.0001])
    np.testing.assert_allclose(ms_ssim(a, b, scales=1), theirs, rtol=2e-4)
    with pytest.raises(ValueError, match="scales: expected at most 3 for images of 64 x 64 pixels; got 5"):
        ms_ssim(a, b, scales=5)
    with pytest.raises(ValueError, match="at least 11 pixels on each side; got 8 x 64"):
        ms_ssim(a[:, :8], b[:, :8])


def test_variety_is_the_mean_over_pairs_of_different_images():
    a, b = pairs(3, 24, 24, 1)
    images = np.concatenate([a, b])
    every = {tuple(sorted((i, j))): ms_ssim(images[[i]], images[[j]])[0] for i in range(6) for j in range(6) if i != j}
    found = ms_ssim_variety(images, pairs=4000)
    assert found.mean == pytest.approx(np.mean(list(every.values())), abs=4 * found.std / np.sqrt(4000))
    assert (found.pairs, found.scales) == (4000, 2)
    # of one label: the three pairs of an image and its noisy copy
    found = ms_ssim_variety(images, labels=np.array([7, 1, 4, 7, 1, 4]), pairs=2000, seed=1)
    mates = [every[0, 3], every[1, 4], every[2, 5]]
    assert found.mean == pytest.approx(np.mean(mates), abs=4 * np.std(mates) / np.sqrt(2000))
    assert found.std == pytest.approx(np.std(mates), rel=0.1)


def test_a_collapsed_generator_has_one_and_lone_labels_are_left_out():
    a, _ = pairs(4, 24, 24, 3)
    assert ms_ssim_variety(np.repeat(a[:1], 5, axis=0), pairs=10).mean == pytest.approx(1.0)
    same = np.concatenate([a[:1], a[:1], a[1:]])
    assert ms_ssim_variety(same, labels=[0, 0, 1, 2, 3], pairs=20).mean == pytest.approx(1.0)
    with pytest.raises(ValueError, match="images: expected two with the same label; got 4 images, each alone"):
        ms_ssim_variety(a, labels=np.arange(4))


def test_what_are_no_images_is_named():
    a, b = pairs(2, 24, 24, 3)
    with pytest.raises(ValueError, match=r"a: expected uint8 images \[N, H, W, C\]; got float64"):
        ms_ssim(a / 255.0, b)
    with pytest.raises(ValueError, match=r"b: expected images of the shape of a, \(2, 24, 24, 3\); got \(1, 24"):
        ms_ssim(a, b[:1])
