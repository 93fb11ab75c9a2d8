"""Checks of paths that are written to: how they end, and whether what is there may be replaced."""

import pathlib

from kerasgan.utils.messages import quoted


def ending(name, path, wanted):
    """Raise `ValueError` unless a path to write ends as it should."""
    if not str(path).endswith(wanted):
        raise ValueError(f"{name}: expected a path ending in {wanted}; got {quoted(str(path))}")


def may_be_written(name, path, overwrite):
    """Raise `FileExistsError` if there is such a file and it may not be replaced."""
    if not overwrite and pathlib.Path(path).exists():
        raise FileExistsError(f"{name}: {path} exists; choose another path, or say overwrite=True (--overwrite)")


def folder_may_be_written(name, folder, overwrite, is_known, what):
    """Raise `FileExistsError` if there is such a folder and it may not be replaced, or is none that kerasgan wrote.

    Args:
        name: of the argument.
        folder: its value, a path.
        overwrite: whether it may be replaced.
        is_known: function of a folder to whether it is what kerasgan writes there; an empty one will do too.
        what: what that is, in words.
    """
    folder = pathlib.Path(folder)
    may_be_written(name, folder, overwrite)
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or is_known(folder))):
        raise FileExistsError(f"{name}: expected {what}, to replace it; {folder} is something else, and stays")
