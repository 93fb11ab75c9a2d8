"""The registry: the presets that have names, with the sizes and checksums of their files."""

import json
import os
import pathlib
import re
from typing import Any

import pydantic

from kerasgan.saving import manifest
from kerasgan.utils import zoo_folder
from kerasgan.utils.messages import did_you_mean, quoted, shortened

FOLDER = zoo_folder.FOLDER
FILE = "registry.json"
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


class _Part(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)


class Data(_Part):
    """What a preset was trained on, and its licence."""

    name: str
    licence: str


class Convert(_Part):
    """Published weights from elsewhere, which `kerasgan convert` makes a preset of.

    `layout` is the command's argument, `file` the weights' name, `url` the file's address or that of a page which has
    it, `size` its bytes and `sha256` its checksum where they were published, `note` what else is to be known.
    """

    layout: str
    file: str
    url: str
    size: int | None = pydantic.Field(None, ge=1)
    sha256: str | None = pydantic.Field(None, pattern="^[0-9a-f]{64}$")
    note: str = ""

    def commands(self, name):
        """Return the lines to type."""
        is_direct = self.url.endswith((".bin", ".pth", ".safetensors"))
        get = f"curl -L -o {self.file} {self.url}" if is_direct else f"# get {self.file} from {self.url}"
        size = "" if self.size is None else f"  # {self.size:,} bytes"
        check = "" if self.sha256 is None else f" --sha256 {self.sha256}"
        return [f"{get}{size}", f"kerasgan convert {self.layout} {self.file} {name}{check}"]


class Entry(_Part):
    """A preset of the registry: its files, or from what it is to be converted.

    `source` is the address of the files; without one they are at `presets/NAME` beside the registry, or on the mirror
    `$KERASGAN_ZOO_URL`. `metrics` are results as `kerasgan evaluate` writes them.
    """

    summary: str
    data: Data
    image_shape: list[int]
    num_classes: int | None = None
    parameters: int
    objective: str | None = None
    steps: int | None = None
    recipe: str | None = None
    metrics: list[dict[str, Any]] = []
    files: dict[str, manifest.File] = {}
    source: str | None = None
    convert: Convert | None = None

    @property
    def size(self):
        """Bytes of the files that sampling needs."""
        return sum(self.files[name].size for name in manifest.GENERATOR if name in self.files)


def load(folder=None):
    """Read the registry.

    Args:
        folder: that holds `registry.json`; the installation's by default.

    Returns:
        dict of names to `Entry`, in the order of the file.

    Raises:
        ValueError: naming the file and the key that is wrong, or if it is of a newer format.
    """
    path = pathlib.Path(folder or FOLDER) / FILE
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({shortened(error)})") from None
    if not isinstance(values, dict) or not isinstance(values.get("presets"), dict):
        raise ValueError(f"{path}: expected an object with format and presets")
    manifest.check_format(values, path)
    return {name: _entry(name, value, path) for name, value in values["presets"].items()}


def list_presets() -> dict[str, Entry]:
    """Return the presets that `kerasgan.from_preset` loads by their names; TensorFlow is not imported.

    Returns:
        Names to `Entry`, with `summary`, `image_shape`, `num_classes`, `objective`, `metrics`, `size` (bytes) and more.

    Example:
        >>> {name: entry.summary for name, entry in kerasgan.list_presets().items() if entry.num_classes == 10}
    """
    return {name: value for name, value in load().items() if value.files}


def entry(name):
    """Return the `Entry` of a name.

    Raises:
        ValueError: if there is none, with the names that are near.
    """
    known = load()
    if name in known:
        return known[name]
    hint = did_you_mean(name, known) or "`kerasgan zoo list` shows all"
    raise ValueError(f"no preset {quoted(name)}: it is no folder here and no name of the registry; {hint}")


def text(entries):
    """Return the registry as the text of its file."""
    presets = {name: value.model_dump(exclude_defaults=True) for name, value in sorted(entries.items())}
    return json.dumps({"format": manifest.FORMAT, "presets": presets}, indent=1) + "\n"


def address(name, value):
    """Return the address of an entry's files, or `None`: the mirror `$KERASGAN_ZOO_URL`, else the entry's source."""
    mirror = os.environ.get("KERASGAN_ZOO_URL")
    return f"{mirror.rstrip('/')}/{name}" if mirror else value.source


def _entry(name, value, path):
    if not re.fullmatch(NAME, name):
        raise ValueError(f"{path}: expected a name of letters, digits, _, - and .; got {quoted(name)}")
    where = f"{path}: {name}"
    try:
        checked = Entry.model_validate(value)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = shortened(".".join(map(str, first["loc"])))
        raise ValueError(f"{where}: {key}: {first['msg']}; got {quoted(first['input'])}") from None
    if bool(checked.files) == (checked.convert is not None):
        raise ValueError(f"{where}: expected exactly one of files and convert")
    if checked.files:
        manifest.table(value["files"], where)
        if manifest.METADATA not in checked.files:
            raise ValueError(f"{where}: files: expected {manifest.METADATA} among them; got {', '.join(checked.files)}")
    return checked
