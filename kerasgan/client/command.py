"""What the commands share: options of generated images, saving them, and errors that end in one line."""

import pathlib
import re
import sys
from typing import Annotated

import typer

Seed = Annotated[int, typer.Option(help="Image i has seed SEED + i.")]
Seeds = Annotated[
    str | None, typer.Option(help="The seeds themselves, such as 0-15,40, instead of --seed and -n.", metavar="RANGES")
]
ToSeed = Annotated[
    int | None, typer.Option(help="The N images lead from SEED's to this seed's, instead of being SEED + i.")
]
Labels = Annotated[
    str | None,
    typer.Option(
        help="A class, or one for each image, by numbers or names: 3 or Bag,Coat,2. By default all in turn; needed "
        "with --to-seed."
    ),
]
OUT = "A picture (.png, .jpg, .webp) for a grid, a .gif to go through the images, else a folder for single ones."
Truncation = Annotated[float | None, typer.Option(help="Bound on |z|; none by default.")]
Count = Annotated[int, typer.Option("-n", help="How many images.", min=1)]

_MOST_SEEDS = 1_000_000
# meant as no folder
_FILES = {".avif", ".bmp", ".ico", ".jp2", ".npy", ".npz", ".pdf", ".svg", ".tga", ".tif", ".tiff", ".txt", ".zip"}


def save_images(out, images, num_classes=None, class_names=None):
    """Write uint8 images [N, H, W, C] as a grid, as an animation or one by one, as `out` says.

    Args:
        out: where to, a `pathlib.Path`: a picture (.png, .jpg, .webp), an animation (.gif), or else a folder.
        images: the array.
        num_classes: where they are of so many classes in turn, how many; few get a column each.
        class_names: the names of these, which are printed.
    """
    from ..visualization import image_grid

    check_out(out)
    columns = image_grid.class_columns(num_classes)
    if out.suffix.lower() == ".gif":
        print(f"animation: {image_grid.save_animation(out, images)}")
    elif out.suffix.lower() in image_grid.FORMATS:
        print(f"picture: {image_grid.save_grid(out, images, columns)}")
        if columns and class_names:
            print(f"columns: {', '.join(class_names)}")
    else:
        print(f"{len(image_grid.save_each(out, images))} pictures: {out}")


def check_out(out: pathlib.Path) -> None:
    """Raise `ValueError` or `OSError` where images cannot go to a path: before they are made."""
    from ..utils import atomic_files
    from ..visualization import image_grid

    ending = out.suffix.lower()
    if ending in _FILES:
        endings = ", ".join(image_grid.FORMATS)
        raise ValueError(f"--out: expected a picture of {endings} or .gif, or a folder; got {out}")
    if ending in (".gif", *image_grid.FORMATS):
        atomic_files.check_writable(out)
    elif out.exists() and not out.is_dir():
        raise NotADirectoryError(f"--out: expected a picture or a folder; got {out}, another file that is there")


def seeds_of_text(text: str | None, count: int, seed: int) -> list[int]:
    """Return the seeds that ranges such as 0-15,40 name; without them `count` ones from `seed` on.

    Raises:
        ValueError: if the text is none of ranges of whole numbers of at least 0, or there are too many.
    """
    if text is None:
        if count > _MOST_SEEDS:
            raise ValueError(f"-n: expected at most {_MOST_SEEDS:,} images; got {count:,}")
        return list(range(seed, seed + count))
    seeds: list[int] = []
    for piece in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", piece)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first or last - first >= _MOST_SEEDS:
            raise ValueError(
                f"--seeds: expected ranges such as 0-15,40, up to {_MOST_SEEDS:,} seeds; got {text[:100]!r}"
            )
        seeds += range(first, last + 1)
    return seeds


def check_seeds(context: typer.Context) -> None:
    """Raise `ValueError` where a command line names seeds, and also counts them or names where a walk leads."""
    flags = {"seeds": "--seeds", "seed": "--seed", "n": "-n", "to_seed": "--to-seed"}
    sources = {flag: context.get_parameter_source(name) for name, flag in flags.items()}
    given = [flag for flag, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if "--seeds" in given and len(given) > 1:
        raise ValueError(f"--seeds: expected alone, as it names the seed of each image; got {', '.join(given)}")


def run(app: typer.Typer) -> None:
    """Run the command line; what a user can mend ends in one line and exit status 1."""
    try:
        app()
    except (ValueError, OSError, RuntimeError, FloatingPointError, ImportError, RuntimeWarning) as error:
        name, colon, rest = str(error).partition(":")
        print(f"error: {_flags(app).get(name, name)}{colon}{rest}", file=sys.stderr)
        sys.exit(1)


def _flags(app):
    """Flags of the command that was called, by the names that they have in Python, and in its errors."""
    called = typer.main.get_command(app)
    for argument in sys.argv[1:]:
        called = getattr(called, "commands", {}).get(argument, called)
    return {option.name: option.opts[0] for option in called.params if option.opts[0].startswith("-")}
