"""Reading `.keras` files, which may be a stranger's: what they name and unpack to is looked at before it is built.

Beside what a preset may name, a file may name what this program has registered itself
(`keras.saving.register_keras_serializable`, `keras.saving.custom_object_scope`): a user's own layers go on working.
"""

import io
import json
import pathlib
import re
import zipfile

import keras

from kerasgan.models import checks
from kerasgan.models.sampler import Sampler
from kerasgan.saving import config_check, manifest, variable_limit, weights_file
from kerasgan.saving.refused import Refused
from kerasgan.utils import backend, destinations, messages
from kerasgan.utils.annotations import Path

_CONFIG, _WEIGHTS, _ASSETS = "config.json", "model.weights.h5", "assets/"
_LARGEST = {"metadata.json": 2**20, _CONFIG: 2**25}  # bytes; others are as large as the file lets them be
_MOST_MEMBERS = 1000
_CHECKPOINT = r"step-(\d{8,})\.keras"  # as `kerasgan.callbacks.Checkpoint` writes them
_MULTIPLE = 4  # of the file's numbers: an optimizer that the file lacks is made anew
_OTHER_BACKENDS = (
    "What `save` wrote needs Keras with TensorFlow; export_keras, or kerasgan export --format keras, writes a file for "
    "every backend"
)


def load(filepath: Path) -> Sampler:
    """Load a model saved with `save`, or a training run's checkpoint.

    Before anything is built, the file is checked as presets are. It may name classes of kerasgan, known ones of Keras,
    and those that this program has registered (`keras.saving.register_keras_serializable`). A file that is refused
    and that you trust is read by `keras.saving.load_model`.

    Args:
        filepath: path of a `.keras` file.

    Returns:
        The `Sampler`, mostly a `GAN`, compiled if it was.

    Raises:
        ImportError: if Keras computes without TensorFlow and the file holds more than a `Sampler`.
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or is no kerasgan model, names what it may not, or has weights that are not
            finite.

    Example:
        >>> gan.save("gan.keras")
        >>> gan = kerasgan.load("gan.keras")
        >>> gan.fit(images)  # goes on: critic, optimizers and step are in the file
    """
    model = read(filepath)
    if not isinstance(model, Sampler):
        raise ValueError(f"{filepath}: expected a kerasgan model; it holds a {type(model).__name__}")
    return model


def read(filepath, compile=True):
    """Read any model of a `.keras` file, checked as by `load`.

    Args:
        filepath: path of the file.
        compile: whether to compile it as it was.

    Returns:
        `keras.Model`.

    Raises:
        FileNotFoundError, ValueError: as `load`.
    """
    path = pathlib.Path(filepath)
    if path.is_dir():
        raise ValueError(f"{path}: expected a .keras file; it is a folder{_way(path)}")
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    destinations.ending("filepath", path, ".keras")
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            numbers = _check(archive, file, path)
        with variable_limit.variables_within(numbers, _MULTIPLE):
            model = keras.saving.load_model(path, compile=compile, safe_mode=True)
    except Refused as error:
        raise ValueError(
            f"{error}. If you trust whoever made {path}, keras.saving.load_model reads it without these checks"
        ) from None
    except ImportError:
        raise
    except zipfile.BadZipFile as error:
        size = f"{path.stat().st_size:,} bytes"
        raise ValueError(
            f"{path}: not a readable .keras file: {size} that are no whole ZIP archive ({messages.of(error)}); copy or "
            "download it again"
        ) from error
    except Exception as error:  # zipfile, h5py, json and Keras each raise their own
        way = "" if backend.is_tensorflow() else f". {_OTHER_BACKENDS}"
        raise ValueError(f"{path}: not a readable .keras file ({messages.of(error)}){way}") from error
    checks.finite_weights(model, path)
    return model


def check_loadable(model: Sampler) -> None:
    """Raise `ValueError` where a file that a model is saved to could not be loaded, or would lose an argument.

    Ask before hours of training: a class of the user's own may not be registered, or lack its `get_config`.
    """
    checks.configs_are_whole(model)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    try:
        config_check.check(config, "a file of this model", own=True)
    except Refused as error:
        raise ValueError(
            f"{error}. Before a class of your own stands @keras.saving.register_keras_serializable()"
        ) from None


def checkpoints(folder):
    """Return the paths of what `kerasgan.callbacks.Checkpoint` has written to a folder, by their steps."""
    paths = pathlib.Path(folder).glob("step-*.keras")
    return sorted((path for path in paths if re.fullmatch(_CHECKPOINT, path.name, re.ASCII)), key=step_of)


def step_of(checkpoint):
    """Return the step of a checkpoint of such a path."""
    return int(checkpoint.stem.removeprefix("step-"))


def _way(folder):
    """What reads a folder, in words."""
    if manifest.is_preset(folder):
        return f": kerasgan.from_preset({str(folder)!r}) reads a preset"
    if there := checkpoints(folder / "checkpoints"):
        return f" of a run, whose newest checkpoint is {there[-1]}"
    return ". If it was saved with zipped=False, keras.saving.load_model reads it"


def _check(archive, file, path):
    """Return how many numbers the weights of an archive hold, once all of it has been looked at."""
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise Refused(f"{path}: expected at most {_MOST_MEMBERS:,} members; got {len(members):,}")
    names, size = [member.filename for member in members], path.stat().st_size
    for member in members:
        name, what = member.filename, f"{path}: {messages.shortened(member.filename)}"
        inside = name.startswith(_ASSETS) and ".." not in pathlib.PurePosixPath(name).parts
        if name not in (*_LARGEST, _WEIGHTS) and not inside:
            raise Refused(f"{what}: expected no member but {_CONFIG}, {_WEIGHTS}, metadata.json and {_ASSETS}")
        if names.count(name) > 1:
            raise Refused(f"{what}: expected one member of that name")
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise Refused(f"{what}: expected a member stored as it is, as Keras writes it; it is compressed")
        most = min(_LARGEST.get(name, size), size)  # a directory may say more than there is
        if member.file_size > most:
            raise Refused(f"{what}: expected at most {most:,} bytes; got {member.file_size:,}")
    for name in (_CONFIG, _WEIGHTS):
        if name not in names:
            raise ValueError(f"it has no {name}")
    config = json.loads(archive.read(_CONFIG))
    config_check.check_read(config, f"{path}: {_CONFIG}", own=True)
    if config.get("registered_name") != "kerasgan>Sampler":
        backend.check(f"{path}, of a {messages.shortened(str(config.get('class_name')))},")
    return weights_file.check(_stored(archive, file, _WEIGHTS), f"{path}: {_WEIGHTS}")


def _stored(archive, file, name):
    """Return a member that is stored as it is as a file of its own, of which no more is read than is asked for."""
    member = archive.getinfo(name)
    file.seek(member.header_offset + 26)  # the local header's two lengths; Keras's reading checks the rest of it
    lengths = file.read(4)
    start = member.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    return io.BufferedReader(_Part(file, start, member.file_size))


class _Part(io.RawIOBase):
    """Bytes of a file as a file."""

    def __init__(self, file, start, size):
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def readinto(self, buffer):
        self._file.seek(self._start + self._at)
        read = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(read)] = read
        self._at += len(read)
        return len(read)
