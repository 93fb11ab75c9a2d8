"""Multi-scale structural similarity of images, and the variety of a set by it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from kerasgan.utils import validation

# Wang, Simoncelli and Bovik 2003, section 3.2, of five scales from the finest
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_WINDOW = 11
_BLUR = 1.5


class Variety(NamedTuple):
    """Mean and standard deviation (of the population) of the similarity over the pairs, and how it was made."""

    mean: float
    std: float
    pairs: int
    scales: int


def scales_of(height: int, width: int) -> int:
    """Return how many of the five scales images of a size have: the window of 11 pixels must fit into the coarsest.

    Five from 161 pixels on the shorter side (rounded up when halved), 4 from 81, 3 from 41, 2 from 21, 1 from 11.

    Raises:
        ValueError: if the images are smaller than the window.
    """
    side = min(height, width)
    if side < _WINDOW:
        raise ValueError(f"images: expected at least {_WINDOW} pixels on each side; got {height} x {width}")
    scales = 1
    while scales < len(WEIGHTS) and -(-side // 2) >= _WINDOW:
        side, scales = -(-side // 2), scales + 1
    return scales


def ms_ssim(a: np.ndarray, b: np.ndarray, scales: int | None = None) -> np.ndarray:
    """Multi-scale structural similarity of pairs of images.

    Wang, Simoncelli and Bovik 2003, "Multi-scale structural similarity for image quality assessment", equation 7, with
    the window and the constants of SSIM (Wang et al. 2004; Gaussian of 11 pixels and standard deviation 1.5, K = 0.01
    and 0.03, dynamic range 255), on each channel, then the mean over channels. Negative contrasts count as 0, for they
    have no real power. Five scales need 161 pixels. With fewer, the weights of the finest ones are multiplied so that
    their sum is that of all five (1.0001): such a number is another measure, not comparable with one of five scales.

    Args:
        a: uint8 images [N, H, W, C].
        b: uint8 images of the same shape.
        scales: how many, from 1 to what the size allows; `None` for all that it allows, see `scales_of`.

    Returns:
        float64 [N], from 0 to 1; 1 for equal images.

    Raises:
        ValueError: if the images are not uint8 of one shape, or too small for that many scales.
    """
    a, b = _images("a", a), _images("b", b)
    if a.shape != b.shape:
        raise ValueError(f"b: expected images of the shape of a, {a.shape}; got {b.shape}")
    weights = np.array(WEIGHTS[: _checked_scales(scales, a)])
    weights *= sum(WEIGHTS) / weights.sum()
    a, b = a.astype("float64"), b.astype("float64")
    similarity = 1.0
    for scale, weight in enumerate(weights):
        if scale:
            a, b = _halved(a), _halved(b)
        luminance, contrast = _parts(a, b)
        coarsest = scale == len(weights) - 1
        term = (luminance * contrast if coarsest else contrast).mean(axis=(1, 2))
        similarity = similarity * np.maximum(term, 0.0) ** weight
    return similarity.mean(axis=-1)


def ms_ssim_variety(
    images: np.ndarray, labels: npt.ArrayLike | None = None, pairs: int = 1000, scales: int | None = None, seed: int = 0
) -> Variety:
    """Mean similarity of random pairs of different images: the higher, the more alike they are.

    Odena, Olah and Shlens 2017, "Conditional image synthesis with auxiliary classifier GANs", arXiv:1610.09585, section
    4.2, who take 100 pairs within each class at 128 x 128. A number says little without that of real images.

    Args:
        images: uint8 [N, H, W, C].
        labels: integers [N]; pairs are then of one label: first a random image that has company, then another of its
            label. `None` for pairs of any two.
        pairs: number of pairs, drawn with replacement.
        scales: as for `ms_ssim`.
        seed: integer of at least 0.

    Returns:
        `Variety`.

    Raises:
        ValueError: if the images are none, or there is no pair.
    """
    images = _images("images", images)
    scales = _checked_scales(scales, images)
    validation.integer("pairs", pairs, 1)
    rng = np.random.default_rng(validation.integer("seed", seed, 0))
    labels = np.zeros(len(images), int) if labels is None else np.asarray(labels)
    if labels.shape != (len(images),):
        raise ValueError(f"labels: expected {len(images)}, one an image; got shape {labels.shape}")
    order = np.argsort(labels, kind="stable")
    _, starts, place, counts = np.unique(labels[order], return_index=True, return_inverse=True, return_counts=True)
    able = np.flatnonzero(counts[place] > 1)
    if not len(able):
        raise ValueError(f"images: expected two with the same label; got {len(images)} images, each alone")
    first = rng.choice(able, pairs)
    start, count = starts[place[first]], counts[place[first]]
    second = start + (first - start + rng.integers(1, count)) % count  # another place of the same label
    values = np.concatenate(
        [
            ms_ssim(images[order[first[part : part + 64]]], images[order[second[part : part + 64]]], scales)
            for part in range(0, pairs, 64)
        ]
    )
    return Variety(float(values.mean()), float(values.std()), pairs, scales)


def _images(name, images):
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"{name}: expected uint8 images [N, H, W, C]; got {images.dtype} of shape {images.shape}")
    return images


def _checked_scales(scales, images):
    most = scales_of(*images.shape[1:3])
    if scales is None:
        return most
    if validation.integer("scales", scales, 1) > most:
        raise ValueError(
            f"scales: expected at most {most} for images of {images.shape[1]} x {images.shape[2]} pixels; got {scales}"
        )
    return scales


def _parts(a, b):
    """Luminance and contrast-structure terms of SSIM where the window fits, [N, H - 10, W - 10, C] each."""
    mean_a, mean_b = _blurred(a), _blurred(b)
    var_a, var_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2.0 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance, (2.0 * covariance + c2) / (var_a + var_b + c2)


def _blurred(images):
    half = _WINDOW // 2
    window = np.exp(-np.square(np.arange(-half, half + 1)) / (2.0 * _BLUR**2))
    window /= window.sum()
    rows = ndimage.correlate1d(images, window, axis=1)[:, half:-half]
    return ndimage.correlate1d(rows, window, axis=2)[:, :, half:-half]


def _halved(images):
    """Means of 2 x 2 pixels; an odd last row or column is doubled first."""
    _, height, width, _ = images.shape
    images = np.pad(images, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    rows = (images[:, ::2] + images[:, 1::2]) / 2.0
    return (rows[:, :, ::2] + rows[:, :, 1::2]) / 2.0
