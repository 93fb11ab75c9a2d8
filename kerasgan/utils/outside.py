"""Modules of users, whose classes and functions recipes and commands may name as `MODULE.NAME`.

A module is there once it was named with `--import` or in a recipe's `imports`, or if an installed distribution has an
entry point of the group `kerasgan`, by whose name it is known:

    [project.entry-points.kerasgan]
    mine = "my_package.gans"
"""

import importlib
import os
import pathlib
import sys
from importlib import metadata
from typing import Any

from kerasgan.utils.messages import quoted, shortened

GROUP = "kerasgan"
_modules: dict[str, Any] = {}
_used: set[str] = set()  # those that were asked for by name


def use(names) -> None:
    """Import modules, also from the working directory, so that what they hold can be named.

    Args:
        names: list of the modules' names, such as "my_gans" or "my_package.gans".

    Raises:
        ImportError: naming the module that cannot be imported, and why.
    """
    for name in names:
        if name not in _modules:
            _modules[name] = _imported(name)
        _used.add(name)


def find(name: str) -> Any:
    """Return what `MODULE.NAME` names in a module that is there.

    Raises:
        LookupError: if no such module is there, or it has nothing of that name.
        ImportError: if the module of an entry point cannot be imported.
    """
    module, _, attribute = name.rpartition(".")
    if module not in _modules:
        entries = metadata.entry_points(group=GROUP, name=module)
        if not entries:
            raise LookupError(name)
        _modules[module] = _imported(next(iter(entries)).value)
    if attribute.startswith("_") or not hasattr(_modules[module], attribute):
        raise LookupError(name)
    return getattr(_modules[module], attribute)


def modules_of(names) -> list[str]:
    """Return which of the imported modules the names `MODULE.NAME` are of, sorted; entry points need no import."""
    return sorted({name.rpartition(".")[0] for name in names} & _used)


def known() -> list[str]:
    """Return the names of the modules that are there."""
    return sorted({*_modules, *(entry.name for entry in metadata.entry_points(group=GROUP))})


def names() -> list[str]:
    """Return the `MODULE.NAME` of all that the imported modules hold, for hints."""
    return [
        f"{module}.{name}"
        for module, held in _modules.items()
        for name, what in vars(held).items()
        if callable(what) and not name.startswith("_")
    ]


def _imported(name):
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except Exception as error:  # a user's module may raise anything
        reason = shortened(f"{type(error).__name__}: {error}")
        if name.endswith(".py"):
            reason += f"; a module is named without .py: {pathlib.PurePath(name).stem}"
        raise ImportError(
            f"cannot import {quoted(name)}, looked for in {here} too: {reason}; go to the folder where it lies, or put "
            "that on PYTHONPATH"
        ) from error
