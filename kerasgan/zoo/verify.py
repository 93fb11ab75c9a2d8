"""Checking a preset: the grid of its card made anew, its numbers measured anew."""

import itertools

import numpy as np
from PIL import Image

from kerasgan.saving import manifest, presets, sources
from kerasgan.saving.metadata import TOLERANCE
from kerasgan.training import evaluation
from kerasgan.utils import classes, messages
from kerasgan.utils.version import __version__
from kerasgan.visualization import image_grid
from kerasgan.zoo import card, publish, remeasure
from kerasgan.zoo.remeasure import NotReproduced

# numbers that are shares of the samples, so that a sample more or less counts however small they are
_SHARES = ("precision", "recall", "density", "coverage", "class_accuracy", "high_quality", "smallest_share")


def verify(source, metrics=True, data=None):
    """Make a preset's card and grid anew and measure its numbers anew.

    What may differ is kerasgan's own `metadata.TOLERANCE`, whatever the preset states. Every image of the grid is
    judged by itself; of lines and points the whole picture is.

    Args:
        source: as for `kerasgan.from_preset`.
        metrics: whether to measure; it takes the data, and its time.
        data: path of the data, for a preset that was trained on those of a path; `None` for the dataset of its recipe.

    Returns:
        list of lines that say what was compared, and by how much it differs.

    Raises:
        NotReproduced: if something differs by more, or a file or the card is not what the preset's metadata say.
        ValueError: if the preset has no grid, or a number that cannot be measured anew; else as
            `kerasgan.from_preset`.
    """
    folder = sources.folder(source, (*manifest.GENERATOR, *manifest.SHOWN))
    facts = sources.metadata(folder)
    if facts.get("grid") is None:
        raise ValueError(f"{source}: was not published with a grid, which could be compared")
    grid, numbers = facts["grid"], facts.get("metrics", [])
    groups = remeasure.groups(numbers) if metrics else {}
    section = _section(source, folder, data) if groups else None
    _check_files(source, folder, facts["files"])
    _check_card(source, folder, facts)
    sampler = presets.load(folder)
    _check_classes(source, facts, sampler)
    where, difference = _largest_difference(sampler, grid, folder)
    lines = [f"grid: {difference:.4f} of 255 levels on average{where}, at most {TOLERANCE.grid_levels:g} allowed"]
    if not difference <= TOLERANCE.grid_levels:
        raise NotReproduced(f"{source}: {lines[0]}")
    for published, new in remeasure.measured(source, folder, groups, section, data is None):
        said, good = _compared(published, new)
        lines.append(said)
        if not good:
            raise NotReproduced(f"{source}: {said}")
    return lines


def _section(source, folder, data):
    """The data that the numbers were measured against."""
    section = evaluation.data_section(folder)
    if data is not None:
        return section.instead(data)
    if section.is_local:
        raise ValueError(
            f"{source}: expected --data, the path of its data, as it was trained on those of {section.place}, which "
            "lie with whoever published it; got none"
        )
    return section


def _check_files(source, folder, files):
    """Whether the card and its pictures are those of the metadata; loading checks the others."""
    for name in (manifest.CARD, manifest.GRID, *(name for name in manifest.SHOWN[2:] if name in files)):
        problem = manifest.problem(folder / name, files[name]) if name in files else f"{manifest.METADATA} lists none"
        if problem:
            raise NotReproduced(f"{source}: {name}: {problem}")


def _check_card(source, folder, facts):
    """Whether the card is, from its first line to its last, what kerasgan makes of the metadata."""
    try:
        made = card.text(facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotReproduced(
            f"{source}: {manifest.METADATA}: expected what `zoo publish` writes, of which the card is made; got other "
            f"values ({messages.of(error)})"
        ) from None
    there = (folder / manifest.CARD).read_bytes().decode(errors="replace")
    pairs = itertools.zip_longest(made.split("\n"), there.split("\n"))
    for number, (expected, found) in enumerate(pairs, start=1):
        if expected != found:
            raise NotReproduced(
                f"{source}: {manifest.CARD}: line {number}: expected {messages.quoted(expected)}, as kerasgan "
                f"{__version__} makes it of {manifest.METADATA}; got {messages.quoted(found)}"
            )


def _check_classes(source, facts, sampler):
    """Whether the model's classes have the names that the metadata say, and the card with them."""
    said = None if sampler.num_classes is None else presets.class_names(facts, sampler.num_classes)
    if said != sampler.class_names:
        names, other = (classes.listed(names or ()) for names in (sampler.class_names, said))
        raise NotReproduced(f"{source}: class names: {names} in the model, {other} in {manifest.METADATA}")


def _compared(found, new):
    """What is said of a number that was measured anew, and whether it is near enough."""
    old, name = found["value"], found["name"]
    apart = abs(new - old)
    relative = apart / abs(old) if old else float(apart > 0)
    said = f"{name}: {new:.6g}, {old:.6g} on the card: {relative:.2%}, at most {TOLERANCE.metrics:.0%}"
    good = relative <= TOLERANCE.metrics
    if name.partition("[")[0] in _SHARES:
        return f"{said} or {TOLERANCE.shares:g}", good or apart <= TOLERANCE.shares
    return said, good


def _largest_difference(sampler, grid, folder):
    """(which image, in words, or nothing; levels): where the stored grid and one made now differ most, on average.

    Infinite where the sizes differ. The whole picture counts too, with the ground between images.
    """
    picture = publish.picture(sampler, grid)
    path = folder / manifest.GRID
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if (image.size, image.mode) != (picture.size, picture.mode):
                return "", float("inf")
            old, new = np.asarray(image, np.float64), np.asarray(picture, np.float64)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: no PNG that can be read ({messages.shortened(error)})") from None
    apart = np.abs(old - new)
    levels = {"": apart.mean()}
    if len(sampler.image_shape) == 3:
        boxes, _, _ = image_grid.cells(grid["n"], *sampler.image_shape[:2], grid["columns"])
        cells = [apart[top:bottom, left:right].mean() for left, top, right, bottom in boxes]
        levels |= {f" in image {number} of {grid['n']}": cell for number, cell in enumerate(cells, start=1)}
    return max(levels.items(), key=lambda item: item[1])
