"""The latents of seeds, with NumPy alone: what `sample` draws, for runtimes without TensorFlow.

    latents = kerasgan.seeds.draw({"prior": "Normal", "dim": 128}, seeds=range(7, 11), truncation=0.5)
    images = session.run(None, {"z": latents})             # of an exported ONNX file, say

The numbers are those of `kerasgan.utils.keyed_random` and `kerasgan.latents`: Philox, and inverse distribution
functions. The client has this file too.
"""

import math
import statistics
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["draw", "draw_between", "uniform"]

_SALT = zlib.crc32(repr(("sample", "latents")).encode())
_NO_BOUND = 40.0  # P(|z| > 40) is 0 in float64
_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)  # of Philox 4x32 (Salmon et al. 2011), as are these
_WEYL = np.array([0x9E3779B9, 0xBB67AE85], np.uint32)
_SCRAMBLER = np.array([0x3EC8F720, 0x02461E29], np.uint32)  # the key with which TensorFlow makes a key of a seed
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)


def draw(prior: Mapping[str, Any], seeds: npt.ArrayLike, truncation: npt.ArrayLike | None = None) -> np.ndarray:
    """Latents of seeds, as `sample` draws them.

    Args:
        prior: dict of the prior's name, `prior`, and its arguments and weights, as an export writes it: `Normal` with
            `dim`; `Uniform` with `dim`; `ScaledTruncatedNormal` with `dim` and `bound`; `GaussianMixture` with `dim`,
            `means` and `scales` [K, dim], and where they are learned `weights` [K], the logits of the components.
        seeds: integers [N], one an image.
        truncation: bound on |z|, a number or numbers [N]; `None` for none.

    Returns:
        float32 array [N, dim].

    Raises:
        ValueError: if the prior is another, a seed is no integer of 64 bits, or a truncation is not positive.
    """
    numbers = _checked("seeds", seeds)
    return _latents(prior, numbers, truncation, lambda columns: uniform(numbers, columns))


def draw_between(
    prior: Mapping[str, Any],
    seeds: npt.ArrayLike,
    to_seeds: npt.ArrayLike,
    positions: npt.ArrayLike,
    truncation: npt.ArrayLike | None = None,
) -> np.ndarray:
    """Latents on the ways from seeds to other seeds, as `interpolate` draws them; each is the prior's like any other.

    Args:
        prior: as of `draw`.
        seeds: integers [N].
        to_seeds: integers [N].
        positions: numbers [N] in [0, 1]; 0 is the latent of `seeds`, 1 that of `to_seeds`.
        truncation: as of `draw`.

    Returns:
        float32 array [N, dim].

    Raises:
        ValueError: as `draw`; or if a position is outside [0, 1].
    """
    first, last = _checked("seeds", seeds), _checked("to_seeds", to_seeds)
    shares = np.where(first == last, 0.0, np.asarray(positions, np.float32)).astype(np.float64)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"positions: expected numbers in [0, 1]; got {shares.min()} to {shares.max()}")
    angles = shares[:, None] * (math.pi / 2)

    def between(columns):
        starts, ends = (_normal(uniform(each, columns), None) for each in (first, last))
        mixed = np.cos(angles) * starts + np.sin(angles) * ends
        chances = (1 + np.vectorize(math.erf, otypes=[np.float64])(mixed / math.sqrt(2))) / 2 if mixed.size else mixed
        return np.clip(chances, 2.0**-33, 1 - 2.0**-33)

    return _latents(prior, first, truncation, between)


def uniform(seeds: np.ndarray, columns: int) -> np.ndarray:
    """Uniform numbers of seeds, each row of one alone: those of `kerasgan.utils.keyed_random.uniform_rows` for samples.

    Args:
        seeds: int64 array [N].
        columns: numbers a row.

    Returns:
        float64 array [N, columns], strictly between 0 and 1.
    """
    words = np.stack([seeds, np.full_like(seeds, _SALT)], axis=1).view(np.uint32)  # little-endian halves
    mixed = _philox(words, np.broadcast_to(_SCRAMBLER, (len(seeds), 2)))
    blocks = -(-columns // 4)
    counters = np.zeros((len(seeds), blocks, 4), np.uint32)
    counters[:, :, 0] = np.arange(blocks)
    counters[:, :, 2:] = mixed[:, None, 2:]
    keys = np.broadcast_to(mixed[:, None, :2], (len(seeds), blocks, 2))
    bits = _philox(counters.reshape(-1, 4), keys.reshape(-1, 2)).reshape(len(seeds), 4 * blocks)[:, :columns]
    return (bits.view(np.int32).astype(np.float64) + (2.0**31 + 0.5)) / 2.0**32


def _checked(name, seeds):
    seeds = np.asarray(seeds)
    if seeds.ndim != 1 or (seeds.size and seeds.dtype.kind not in "iu"):
        raise ValueError(f"{name}: expected integers [N] of 64 bits; got {seeds.dtype} {seeds.shape}")
    if seeds.size and int(seeds.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: expected integers of 64 bits, up to 2^63 - 1; got {seeds.max()}")
    return seeds.astype(np.int64)


def _latents(prior, seeds, truncation, uniforms):
    """Latents of the uniform numbers that a function gives of their count a row."""
    if truncation is not None:
        truncation = np.broadcast_to(np.asarray(truncation, np.float32), seeds.shape).astype(np.float64)
        if not (truncation > 0).all():
            raise ValueError(f"truncation: expected positive numbers or None; got {truncation.min()}")
    if prior is None:
        raise ValueError("prior: expected what a file tells of its prior; got None: it is a class of its author's own")
    if not isinstance(prior, Mapping) or "prior" not in prior or "dim" not in prior:
        raise ValueError(
            f"prior: expected a dict such as {{'prior': 'Normal', 'dim': 64}}, under prior in a file's JSON; got "
            f"{str(prior)[:100]!r}"
        )
    if prior["prior"] not in _PRIORS:
        raise ValueError(f"prior: expected one of {', '.join(_PRIORS)}; got {str(prior['prior'])[:100]!r}")
    columns = prior["dim"] + (prior["prior"] == "GaussianMixture")  # one more chooses the component
    return _PRIORS[prior["prior"]](prior, uniforms(columns), truncation).astype(np.float32)


def _philox(counters, keys):
    """Ten rounds of Philox 4x32: uint32 [N, 4] of counters [N, 4] and keys [N, 2]."""
    with np.errstate(over="ignore"):
        for _ in range(10):
            first, second = (counters[:, [0, 2]].astype(np.uint64) * _MULTIPLIERS).T
            high = np.stack([second >> _SHIFT, first >> _SHIFT], axis=1).astype(np.uint32)
            low = np.stack([second & _LOW, first & _LOW], axis=1).astype(np.uint32)
            mixed = high ^ counters[:, [1, 3]] ^ keys
            counters = np.stack([mixed[:, 0], low[:, 0], mixed[:, 1], low[:, 1]], axis=1)
            keys = keys + _WEYL
    return counters


def _normal(uniforms, truncation):
    """Standard normal numbers [N, D] of uniform ones, inside bounds [N] where there are some."""
    centred = 2.0 * uniforms - 1.0
    if truncation is not None:
        inside = [math.erf(min(bound, _NO_BOUND) / math.sqrt(2.0)) for bound in truncation]
        centred = centred * np.asarray(inside)[:, None]
    of_tail = np.vectorize(statistics.NormalDist().inv_cdf, otypes=[np.float64])
    tails = np.maximum((1.0 - np.abs(centred)) / 2.0, np.finfo(np.float64).tiny)  # exact near 0, where it matters
    return -np.sign(centred) * of_tail(tails) if centred.size else centred


def _normal_prior(prior, uniforms, truncation):
    return _normal(uniforms, truncation)


def _scaled_truncated_normal(prior, uniforms, truncation):
    bounds = np.full(len(uniforms), prior["bound"], np.float32).astype(np.float64)
    latents = _normal(uniforms, bounds).astype(np.float32)
    return latents if truncation is None else np.minimum(truncation, 1.0).astype(np.float32)[:, None] * latents


def _uniform_prior(prior, uniforms, truncation):
    latents = 2.0 * uniforms - 1.0
    return latents if truncation is None else latents * np.minimum(truncation, 1.0)[:, None]


def _gaussian_mixture(prior, uniforms, truncation):
    means, scales = (np.asarray(prior[name], np.float32) for name in ("means", "scales"))
    if prior.get("weights") is None:
        component = np.floor(uniforms[:, 0] * len(means)).astype(np.int64)
    else:  # learned: by the inverse distribution function
        logits = np.asarray(prior["weights"], np.float32)
        powers = np.exp(logits - logits.max())
        ends = np.cumsum((powers / powers.sum()).astype(np.float64))
        component = np.sum(uniforms[:, :1] >= ends[:-1], axis=1)
    return means[component] + scales[component] * _normal(uniforms[:, 1:], truncation).astype(np.float32)


_PRIORS = {
    "Normal": _normal_prior,
    "Uniform": _uniform_prior,
    "ScaledTruncatedNormal": _scaled_truncated_normal,
    "GaussianMixture": _gaussian_mixture,
}
