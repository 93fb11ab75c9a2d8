"""Run folders: `runs/00003-wgan_gp_fashion_mnist/` and what is found in them."""

import json
import pathlib
import re

from kerasgan import classes, files
from kerasgan.callbacks.checkpoint import checkpoints


def create(out, name):
    """Make the next numbered run folder.

    Args:
        out: folder of all runs; made where missing.
        name: what comes after the number.

    Returns:
        `pathlib.Path` of the new, empty folder.

    Raises:
        OSError: naming the folder, if it cannot be made.
    """
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    numbers = [int(found[1]) for path in out.iterdir() if (found := re.match(r"(\d{5,})-", path.name))]
    number = max(numbers, default=-1) + 1
    while True:  # another process may take the number first
        run = out / f"{number:05d}-{name}"
        try:
            run.mkdir()
            return run
        except FileExistsError:
            number += 1


def is_run(folder):
    """Whether a folder is a run folder."""
    return (pathlib.Path(folder) / "recipe.yaml").is_file()


def newest_checkpoint(run):
    """Return the path of a run's newest checkpoint.

    Raises:
        FileNotFoundError: if the folder is no run or has no checkpoint.
    """
    run = pathlib.Path(run)
    if not is_run(run):
        raise FileNotFoundError(f"{run}: expected a run folder, with a recipe.yaml in it")
    found = checkpoints(run / "checkpoints")
    if not found:
        raise FileNotFoundError(f"{run}: no checkpoint in {run / 'checkpoints'}")
    return found[-1]


def facts(run):
    """Return what the `run.json` of a run folder says, a dict; {} without a readable one."""
    try:
        found = json.loads((pathlib.Path(run) / "run.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_facts(run, facts):
    """Write the `run.json` of a run folder, whole or not at all."""
    with files.written_whole(pathlib.Path(run) / "run.json") as beside:
        beside.write_text(json.dumps(facts, indent=2) + "\n")


def named(model, run):
    """Return a run's model, where it is of a kerasgan before class names with those that `run.json` tells."""
    data = facts(run).get("data")
    if model.num_classes is not None and model.class_names is None and isinstance(data, dict):
        model.class_names = classes.known(data.get("classes"), model.num_classes)
    return model


def load_model(source):
    """Load the model of a run folder (its newest checkpoint), of a preset, or of a `.keras` file.

    Args:
        source: path of a run folder, of a preset's folder or of a `.keras` file; else a preset's name or address, see
            `kerasgan.from_preset`.

    Raises:
        FileNotFoundError: if there is none of them.
        ValueError: if the file is damaged, or there is no preset of that name.
    """
    import kerasgan
    from kerasgan import presets
    from kerasgan.zoo import sources

    path = pathlib.Path(source)
    is_name = not path.exists() and path.name == str(source) and path.suffix != ".keras"
    if sources.is_address(source) or is_name or presets.is_preset(path):
        return presets.from_preset(source)
    checkpoint = newest_checkpoint(path) if path.is_dir() else path
    return named(kerasgan.load(checkpoint), checkpoint.parent.parent)
