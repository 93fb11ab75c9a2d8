"""What to type elsewhere: the commands of a card, in which no path is of the machine that trained."""

import pathlib
import shlex

from kerasgan.recipes import recipe

_OPTIONS = {"train.start_from": "--start-from", "train.precision": "--precision"}  # of `kerasgan train`


def elsewhere(place):
    """Return a path as it is typed here, or its last part if it is not below this folder; other places as they are."""
    path, here = pathlib.Path(place), pathlib.Path.cwd()
    if not path.is_absolute():
        return str(place)
    return str(path.relative_to(here)) if path.is_relative_to(here) else path.name


def of_training(about, steps):
    """Return what to type for a run's training: one that was stopped and resumed took the same steps.

    Args:
        about: what the run's `run.json` says, a dict.
        steps: that were taken.
    """
    path = pathlib.Path(about["recipe"])
    known = path.parent.name == "recipes" and path.stem in recipe.names()
    typed = ["kerasgan", "train", path.stem if known else elsewhere(path)]
    if about.get("images") is not None:
        typed += ["--data", elsewhere(about["images"])]
    for change in about.get("changes", ()):
        key, _, value = change.partition("=")
        value = elsewhere(value)
        typed += [_OPTIONS[key], value] if key in _OPTIONS else ["--set", f"{key}={value}"]
    return shlex.join([*typed, "--steps", str(steps)])


def of_number(command, name, measured):
    """Return the command by which a number was measured, as one that measures it anew of the preset.

    Args:
        command: as the number's protocol has it.
        name: of the preset.
        measured: paths that stand for the preset, of its run and of its checkpoint.
    """
    measured = {pathlib.Path(path).resolve() for path in measured}
    words, typed = iter(shlex.split(command)), []
    for word in words:
        option, equals, value = word.partition("=")
        if option == "--out":
            if not equals:
                next(words, None)
        elif option.startswith("--") and equals:
            typed += [option, elsewhere(value)]
        else:
            typed.append(name if pathlib.Path(word).resolve() in measured else elsewhere(word))
    return shlex.join(typed)
