"""Files of JSON lines, which grow while a model trains."""

import json
import pathlib

from kerasgan.utils import atomic_files


def read(path) -> list[dict]:
    """Return the lines of a file; a last line that was not written to its end is left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the line, if another is damaged.
    """
    content = pathlib.Path(path).read_text()
    texts = content.splitlines()
    lines = []
    for number, text in enumerate(texts, 1):
        try:
            lines.append(json.loads(text))
        except ValueError:
            if number < len(texts) or content.endswith("\n"):
                raise ValueError(f"{path}: line {number} is not JSON") from None
    return lines


def append(path, line: dict) -> None:
    """Put a line at the end of a file."""
    with pathlib.Path(path).open("a") as file:
        file.write(json.dumps(line) + "\n")


def keep_until(path, step: int) -> list[dict]:
    """Begin a file, or go on with that of a resumed training: lines beyond its `step` are dropped.

    Args:
        path: the file; it and its folder are made where missing.
        step: the training steps that the model has taken.

    Returns:
        The lines that stay, of which each has a `step`.

    Raises:
        FileExistsError: if the file is of a training, and the model has taken no step.
        ValueError: as `read`, or if the file is no log of a training.
    """
    old = read(path) if pathlib.Path(path).exists() else []
    if not all(isinstance(line, dict) and isinstance(line.get("step"), int) for line in old):
        raise ValueError(f"{path}: expected the log of a training, a step in each line; it is something else")
    lines = [line for line in old if line["step"] <= step]
    if step == 0 and lines != old:
        raise FileExistsError(
            f"{path}: expected no lines of another training; it has some up to step {old[-1]['step']:,}, and this "
            "model has taken no step: give another folder, or move the file away"
        )
    with atomic_files.written_whole(path) as beside:
        beside.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lines
