"""Where everything that is downloaded or computed once is kept, and whether anything may be downloaded.

`$KERASGAN_CACHE` names the folder; by default it is the user's cache folder of kerasgan (~/.cache/kerasgan on Linux).
It holds `presets/` and `addresses/` of the zoo, `statistics/` of references, `features/` (weights of feature
networks), `texts/`, and `data/`, pictures of buckets. With `$KERASGAN_OFFLINE` set, nothing is downloaded: what is not
there yet is an error.
"""

import os
import pathlib

import platformdirs

_OFF = ("", "0", "false", "no", "off")


def root() -> pathlib.Path:
    """Return the cache's folder, which need not exist yet."""
    given = os.environ.get("KERASGAN_CACHE")
    return pathlib.Path(given).expanduser() if given else platformdirs.user_cache_path("kerasgan")


def offline() -> bool:
    """Whether `$KERASGAN_OFFLINE` forbids downloads; unset, empty, 0, false, no and off allow them."""
    return os.environ.get("KERASGAN_OFFLINE", "").strip().lower() not in _OFF


def check_online(what) -> None:
    """Raise `ConnectionError`, naming what would have to be downloaded, where `$KERASGAN_OFFLINE` forbids it."""
    if offline():
        raise ConnectionError(f"{what}, and KERASGAN_OFFLINE forbids the download")
