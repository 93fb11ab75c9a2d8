"""Files of weights that are not part of kerasgan: known by their digest, found, or downloaded."""

import hashlib
import pathlib
import urllib.parse

import keras

from kerasgan.utils import cache_root
from kerasgan.utils.messages import shortened


def checked(path, digest: str, what: str, algorithm: str = "sha256") -> pathlib.Path:
    """Return the path of a file whose content is the one that is known.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is another.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != digest:
        name = {"sha256": "SHA-256", "md5": "MD5"}[algorithm]
        raise ValueError(f"{path}: expected {what}, {name} {digest}; got {found}")
    return path


def downloaded(url: str, digest: str, what: str, algorithm: str = "sha256") -> pathlib.Path:
    """Return the path of a file that is downloaded where it is not there yet, into `features/` of the cache.

    Raises:
        ConnectionError: naming the address, if it cannot be downloaded, or `$KERASGAN_OFFLINE` is set.
        ValueError: if what comes is another file.
        OSError: if the cache cannot be written.
    """
    root = cache_root.root()
    path = root / "features" / pathlib.PurePosixPath(urllib.parse.urlsplit(url).path).name
    if cache_root.offline() and path.is_file():
        return checked(path, digest, what, algorithm)
    cache_root.check_online(f"{what} not in the cache {root}")
    path.parent.mkdir(parents=True, exist_ok=True)  # Keras takes another folder where this one is not there
    try:
        path = keras.utils.get_file(
            path.name, url, cache_subdir="features", cache_dir=root, file_hash=digest, hash_algorithm=algorithm
        )
    except ValueError:
        raise
    except Exception as error:  # Keras makes an Exception of what urllib says
        raise ConnectionError(
            f"{what} cannot be downloaded from {url} ({shortened(error)}); download it elsewhere and give its path as "
            "the weights"
        ) from error
    return checked(path, digest, what, algorithm)
