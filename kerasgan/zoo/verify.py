"""Checking a preset: the grid of its card made anew, its numbers measured anew."""

import numpy as np
from PIL import Image

from kerasgan import classes, evaluation, presets
from kerasgan.zoo import card, manifest, publish, remeasure, sources
from kerasgan.zoo.remeasure import Different

# numbers that are shares of the samples, so that a sample more or less counts however small they are
_SHARES = ("precision", "recall", "density", "coverage", "high_quality", "smallest_share")


def verify(source, metrics=True, data=None):
    """Make a preset's grid anew and measure its numbers anew.

    Args:
        source: as for `kerasgan.from_preset`.
        metrics: whether to measure; it takes the data, and its time.
        data: path of the data, for a preset that was trained on those of a path; `None` for the dataset of its recipe.

    Returns:
        list of lines that say what was compared, and by how much it differs.

    Raises:
        Different: if something differs by more than the preset's metadata state, or a file or the card is not what
            they say.
        ValueError: if the preset has no grid, or a number that cannot be measured anew; else as
            `kerasgan.from_preset`.
    """
    folder = sources.folder(source, (*manifest.GENERATOR, manifest.CARD, manifest.GRID))
    facts = sources.metadata(folder)
    if facts.get("grid") is None:
        raise ValueError(f"{source}: was not published with a grid, which could be compared")
    grid, tolerance, numbers = facts["grid"], facts["tolerance"], facts.get("metrics", [])
    groups = remeasure.groups(numbers) if metrics else {}
    section = _section(source, folder, data) if groups else None
    _check_files(source, folder, facts["files"])
    _check_card(source, folder, numbers)
    sampler = presets.load(folder)
    _check_classes(source, facts, sampler)
    difference = _difference(publish.picture(sampler, grid), folder)
    lines = [f"grid: {difference:.4f} of 255 levels on average, at most {tolerance['grid_levels']:g} allowed"]
    if not difference <= tolerance["grid_levels"]:
        raise Different(f"{source}: {lines[0]}")
    for found, new in remeasure.measured(source, folder, groups, section, data is None):
        said, good = _compared(found, new, tolerance)
        lines.append(said)
        if not good:
            raise Different(f"{source}: {said}")
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
    """Whether card and grid are those of the metadata; loading checks the others."""
    for name in (manifest.CARD, manifest.GRID):
        found = manifest.problem(folder / name, files[name]) if name in files else f"{manifest.METADATA} lists none"
        if found:
            raise Different(f"{source}: {name}: {found}")


def _check_card(source, folder, numbers):
    """Whether the card says the numbers that are compared."""
    lines = (folder / manifest.CARD).read_text(encoding="utf-8").splitlines()
    for found in numbers:
        name, number = found["name"], card.number(found)
        if not any(name in line and number in line for line in lines):
            raise Different(
                f"{source}: {manifest.CARD}: expected a line with {name} and {number}, as metadata.json has"
            )


def _check_classes(source, facts, sampler):
    """Whether the model's classes have the names that the metadata say, and the card with them."""
    said = None if sampler.num_classes is None else presets.class_names(facts, sampler.num_classes)
    if said != sampler.class_names:
        names, other = (classes.listed(names or ()) for names in (sampler.class_names, said))
        raise Different(f"{source}: class names: {names} in the model, {other} in {manifest.METADATA}")


def _compared(found, new, tolerance):
    """What is said of a number that was measured anew, and whether it is near enough."""
    old, name = found["value"], found["name"]
    apart = abs(new - old)
    relative = apart / abs(old) if old else float(apart > 0)
    said = f"{name}: {new:.6g}, {old:.6g} on the card: {relative:.2%}, at most {tolerance['metrics']:.0%}"
    good = relative <= tolerance["metrics"]
    least = tolerance.get("shares", 0.0)
    if name.partition("[")[0] in _SHARES and least:
        return f"{said} or {least:g}", good or apart <= least
    return said, good


def _difference(picture, folder):
    """Mean absolute difference of a picture and the stored grid, in levels; infinite where the sizes differ."""
    path = folder / manifest.GRID
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if (image.size, image.mode) != (picture.size, picture.mode):
                return float("inf")
            old, new = np.asarray(image, np.float64), np.asarray(picture, np.float64)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: no PNG that can be read ({error})") from None
    return float(np.abs(old - new).mean())
