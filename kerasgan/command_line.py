"""What the commands share: options of generated images, saving them, and errors that end in one line."""

import sys
from typing import Annotated

import typer

Seed = Annotated[int, typer.Option(help="Image i has seed SEED + i.")]
Labels = Annotated[str | None, typer.Option(help="A class, or one for each image: 3 or 0,1,2.")]
Truncation = Annotated[float | None, typer.Option(help="Bound on |z|; none by default.")]
Count = Annotated[int, typer.Option("-n", help="How many images.", min=1)]


def label_list(text):
    """The labels of an option: None, an int, or a list of ints.

    Raises:
        ValueError: if it is none of these.
    """
    if text is None:
        return None
    try:
        values = [int(piece) for piece in text.split(",")]
    except ValueError:
        raise ValueError(f"--labels: expected integers separated by commas; got {text!r}") from None
    return values[0] if len(values) == 1 else values


def save_images(out, images, columns=None):
    """Write uint8 images [N, H, W, C] as a grid, where `out` ends in .png, else one by one into a folder."""
    from . import pictures

    if out.suffix.lower() == ".png":
        print(f"picture: {pictures.save_grid(out, images, columns)}")
    else:
        print(f"{len(pictures.save_each(out, images))} pictures: {out}")


def run(command):
    """Call `command` without arguments; what a user can mend ends in one line and exit status 1."""
    try:
        command()
    except (ValueError, OSError, RuntimeError, FloatingPointError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
