"""What the commands share: options of generated images, saving them, and errors that end in one line."""

import sys
from typing import Annotated

import typer

Seed = Annotated[int, typer.Option(help="Image i has seed SEED + i.")]
Labels = Annotated[
    str | None,
    typer.Option(help="A class, or one for each image, by numbers or names: 3 or Bag,Coat,2. By default all in turn."),
]
Truncation = Annotated[float | None, typer.Option(help="Bound on |z|; none by default.")]
Count = Annotated[int, typer.Option("-n", help="How many images.", min=1)]


def save_images(out, images, num_classes=None, class_names=None):
    """Write uint8 images [N, H, W, C] as a grid, where `out` ends in .png, else one by one into a folder.

    Args:
        out: where to, a `pathlib.Path`.
        images: the array.
        num_classes: where they are of so many classes in turn, how many; few get a column each.
        class_names: the names of these, which are printed.
    """
    from ..visualization import image_grid

    columns = image_grid.class_columns(num_classes)
    if out.suffix.lower() == ".png":
        print(f"picture: {image_grid.save_grid(out, images, columns)}")
        if columns and class_names:
            print(f"columns: {', '.join(class_names)}")
    else:
        print(f"{len(image_grid.save_each(out, images))} pictures: {out}")


def run(command):
    """Call `command` without arguments; what a user can mend ends in one line and exit status 1."""
    try:
        command()
    except (ValueError, OSError, RuntimeError, FloatingPointError, ImportError, RuntimeWarning) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
