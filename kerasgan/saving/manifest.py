"""The files of a preset: which there may be, how large, and the table of their sizes and checksums."""

import hashlib
import json
import pathlib

import pydantic

from kerasgan.saving import metadata
from kerasgan.utils.messages import quoted, shortened
from kerasgan.utils.version import __version__

FORMAT = 1  # of presets and of the registry
METADATA = "metadata.json"
GENERATOR = ("config.json", "model.weights.h5")
TRAINING = ("training.json", "training.weights.h5")
CRITIC = (*GENERATOR, "training.json", "critic.weights.h5")  # instead of TRAINING: what `fit` begins anew from
CARD, GRID = "README.md", "samples.png"
# of the card, where they were made
WALK, TRUNCATION, NEAREST, CURVE = "walk.gif", "truncation.png", "nearest.png", "curve.png"
SHOWN = (CARD, GRID, WALK, TRUNCATION, NEAREST, CURVE)

_MIB = 2**20
_LARGEST = {
    METADATA: 4 * _MIB,
    "config.json": 16 * _MIB,
    "training.json": 32 * _MIB,
    CARD: 4 * _MIB,
    **dict.fromkeys((GRID, WALK, TRUNCATION, NEAREST, CURVE), 64 * _MIB),
    "model.weights.h5": 4096 * _MIB,
    "training.weights.h5": 32768 * _MIB,
    "critic.weights.h5": 4096 * _MIB,
}
NAMES = tuple(_LARGEST)


class File(pydantic.BaseModel):
    """Size in bytes and SHA-256 of a file."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)

    size: int = pydantic.Field(ge=1)
    sha256: str = pydantic.Field(pattern="^[0-9a-f]{64}$")


def is_preset(folder):
    """Whether a folder holds a preset; Keras's own folders, of `save(zipped=False)`, have files of the same names."""
    folder = pathlib.Path(folder)
    facts = folder / METADATA
    of_keras = facts.is_file() and '"files"' not in facts.read_text(errors="replace")
    return all((folder / name).is_file() for name in GENERATOR) and not of_keras


def with_critic(known):
    """Return the names of the files that hold a critic, of a preset that has those of a table, or `None`."""
    return next((names for names in (TRAINING, CRITIC) if set(names) <= set(known)), None)


def training(known, where):
    """Return the names of the files from which training goes on, of a preset that has those of a table.

    Raises:
        ValueError: if it has none.
    """
    names = with_critic(known)
    if names is None:
        raise ValueError(
            f"{where}: published without critic and optimizers; only its generator loads: leave out "
            "training=True, or train on with a new critic (docs/how_to.md)"
        )
    return names


def largest(name):
    """Return the most bytes that a preset's file of this name may have."""
    return _LARGEST[name]


def table(values, where):
    """Check a table of files.

    Args:
        values: dict of file names to `size` and `sha256`, as JSON has it.
        where: names the table in messages.

    Returns:
        dict of names, all of them of a preset, to `File`.

    Raises:
        ValueError: if a name is none that a preset has (so that no path leads out of its folder), a size is beyond
            what such a file may have, or the table is none.
    """
    if not isinstance(values, dict) or not values:
        raise ValueError(f"{where}: expected a table of files; got {str(values)[:80]}")
    checked = {}
    for name, value in values.items():
        if name not in _LARGEST:
            raise ValueError(f"{where}: expected files named {', '.join(NAMES)}; got {quoted(name)}")
        try:
            file = File.model_validate(value)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, (name, *first["loc"])))
            raise ValueError(f"{where}: {key}: {first['msg']}; got {quoted(first['input'])}") from None
        if file.size > _LARGEST[name]:
            raise ValueError(f"{where}: {name}: expected at most {_LARGEST[name]:,} bytes; got {file.size:,}")
        checked[name] = file
    return checked


def describe(folder):
    """Return the table of the files of a preset's folder, without `metadata.json`, which holds it."""
    files = sorted(path for path in pathlib.Path(folder).iterdir() if path.name in NAMES and path.name != METADATA)
    return {path.name: {"size": path.stat().st_size, "sha256": sha256(path)} for path in files}


def sha256(path):
    """Return the SHA-256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def problem(path, file):
    """Return what is wrong with a file, or `None`.

    Args:
        path: of the file.
        file: `File` that it should be.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        return "it is missing"
    size = path.stat().st_size
    if size != file.size:
        return f"expected {file.size:,} bytes; it has {size:,}"
    digest = sha256(path)
    return None if digest == file.sha256 else f"expected SHA-256 {file.sha256}; it is {digest}"


def read_metadata(text, where):
    """Read a preset's `metadata.json`.

    Args:
        text: bytes or string.
        where: names the preset in messages.

    Returns:
        dict, its `files` a dict of `File`s.

    Raises:
        ValueError: if it is no metadata of a preset, or of a newer format than this kerasgan reads.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: {METADATA}: not JSON ({shortened(error)})") from None
    if not isinstance(values, dict):
        raise ValueError(f"{where}: {METADATA}: expected an object; got {type(values).__name__}")
    check_format(values, f"{where}: {METADATA}")
    problem = metadata.problem(metadata.Facts, values)
    if problem:
        raise ValueError(f"{where}: {METADATA}: {problem}")
    return {**values, "files": table(values.get("files"), f"{where}: {METADATA}")}


def check_format(values, where):
    """Raise `ValueError` unless the dict's `format` is one that this kerasgan reads."""
    version = values.get("format")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ValueError(f"{where}: format: expected an integer from 1 on; got {quoted(version)}")
    if version > FORMAT:
        raise ValueError(
            f"{where}: made by a newer kerasgan: format {version}, and kerasgan {__version__} reads formats up "
            f"to {FORMAT}; pip install --upgrade kerasgan"
        )
