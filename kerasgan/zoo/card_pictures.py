"""The pictures of a model card beside its grid: a walk, a truncation sweep, the nearest training images."""

import pathlib
from collections.abc import Sequence

import numpy as np

from kerasgan.metrics.evaluation.reference import Reference
from kerasgan.models.sampler import Sampler
from kerasgan.saving import manifest
from kerasgan.visualization import image_grid
from kerasgan.zoo import nearest as nearest_module

_COLUMNS = 8  # without classes, or with many
_GAP = 2
_WALKS = 4  # side by side, without classes: a walk of eight is half a megabyte in git
_LEG = 8  # frames from one seed to the next
_COMPARED = 500  # images whose nearest training images are looked for


def columns_of(sampler: Sampler) -> int:
    """Return the columns of a card's pictures: one a class, or eight."""
    return image_grid.class_columns(sampler.num_classes) or _COLUMNS


def save_walk(folder: pathlib.Path, sampler: Sampler) -> dict:
    """Write `walk.gif`: in each column a walk through three seeds and back to the first.

    One column a class, or four. Column i has the seeds i, i + columns and i + 2 columns, and of a conditional model
    class i.

    Returns:
        What the card says of it.
    """
    columns = image_grid.class_columns(sampler.num_classes) or _WALKS
    walks = []
    for column in range(columns):
        seeds = [column, column + columns, column + 2 * columns, column]
        label = None if sampler.num_classes is None else column % sampler.num_classes
        legs = [sampler.interpolate(*ends, n=_LEG + 1, labels=label)[:-1] for ends in zip(seeds, seeds[1:])]
        walks.append(np.concatenate(legs))
    image_grid.save_animation(folder / manifest.WALK, _beside_one_another(walks))
    return {"columns": columns, "frames": len(walks[0])}


def _beside_one_another(walks):
    """Animations uint8 [F, H, W, C] as one, with white between them."""
    gap = np.full((*walks[0].shape[:2], _GAP, walks[0].shape[-1]), 255, "uint8")
    parts = [part for walk in walks for part in (walk, gap)]
    return np.concatenate(parts[:-1], axis=2)


def save_truncations(folder: pathlib.Path, sampler: Sampler, bounds: Sequence[float]) -> dict:
    """Write `truncation.png`: the same seeds at bounds on |z|, a row each; the first row without one.

    Returns:
        What the card says of it.
    """
    columns = columns_of(sampler)
    images = [sampler.sample(columns, truncation=bound) for bound in (None, *bounds)]
    image_grid.save_grid(folder / manifest.TRUNCATION, np.concatenate(images), columns)
    return {"columns": columns, "bounds": list(bounds)}


def save_nearest(folder: pathlib.Path, sampler: Sampler, reference: Reference) -> dict:
    """Write `nearest.png`: two rows of images, and under each the row of the training images nearest to them.

    Returns:
        What the card says of it, with the distances of 500 images.
    """
    columns = columns_of(sampler)
    images = sampler.sample(max(2 * columns, min(_COMPARED, reference.count)))
    found = nearest_module.nearest(images, reference)
    shown = nearest_module.rows(images[: 2 * columns], found.images[: 2 * columns], columns)
    image_grid.save_grid(folder / manifest.NEAREST, shown, columns)
    return {
        "columns": columns,
        "n": len(images),
        "reference": reference.name,
        "reference_samples": reference.count,
        "network": reference.network.name,
        "median": float(np.median(found.distances)),
        "between_real": float(np.median(found.between_real)),
    }
