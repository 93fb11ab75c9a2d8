"""Files of weights that are not part of kerasgan: known by their SHA-256, found, or downloaded."""

import hashlib
import pathlib
import urllib.parse

import keras

from kerasgan.messages import shortened


def checked(path, sha256: str, what: str) -> pathlib.Path:
    """Return the path of a file whose content is the one that is known.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is another.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ValueError(f"{path}: expected {what}, SHA-256 {sha256}; got {found}")
    return path


def downloaded(url: str, sha256: str, what: str) -> pathlib.Path:
    """Return the path of a file that is downloaded where it is not there yet, into Keras's folder (`$KERAS_HOME`).

    Raises:
        ConnectionError: naming the address, if it cannot be downloaded.
        ValueError: if what comes is another file.
    """
    name = pathlib.PurePosixPath(urllib.parse.urlsplit(url).path).name
    try:
        path = keras.utils.get_file(name, url, cache_subdir="kerasgan", file_hash=sha256, hash_algorithm="sha256")
    except ValueError:
        raise
    except Exception as error:  # Keras makes an Exception of what urllib says
        raise ConnectionError(
            f"{what} cannot be downloaded from {url} ({shortened(error)}); download it elsewhere and give its path as "
            "the weights"
        ) from error
    return checked(path, sha256, what)
