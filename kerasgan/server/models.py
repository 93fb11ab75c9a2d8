"""Which models and versions there are, and which of them are loaded."""

import dataclasses
import logging
import pathlib
import re

from kerasgan.server.engine import Engine
from kerasgan.server.errors import ServingError, invalid_argument, not_found

log = logging.getLogger("kerasgan.server")


@dataclasses.dataclass
class Version:
    """One version of one model.

    Attributes:
        model: name of the model.
        number: the version.
        folder: where its SavedModel lies.
        state: `START`, `LOADING`, `AVAILABLE`, `UNLOADING` or `END`, as in `GetModelStatus`.
        error: the `ServingError` that its load ended with, or None.
        engine: the `Engine` while it is available, else None.
    """

    model: str
    number: int
    folder: pathlib.Path
    state: str = "START"
    error: ServingError | None = None
    engine: Engine | None = None

    def load(self):
        """Load it. A failure is logged and kept in `error`, not raised."""
        self.state = "LOADING"
        try:
            self.engine = Engine(self.folder)
        except ServingError as error:
            self.state, self.error = "END", error
            log.error("model %s version %d cannot be served: %s", self.model, self.number, error)
        else:
            self.state = "AVAILABLE"
            log.info("model %s version %d is available", self.model, self.number)

    def unload(self):
        """Free its memory. No request may be running."""
        engine, self.engine = self.engine, None
        if engine is not None:
            self.state = "UNLOADING"
            engine.close()
            self.state = "END"


class Models:
    """The models of a server."""

    def __init__(self, folders, labels=None):
        """Make a set of models, none of them loaded yet.

        Args:
            folders: `{model name: {version number: folder of a SavedModel}}`.
            labels: `{model name: {label: version number}}`, or None.
        """
        self._models = {
            name: {number: Version(name, number, pathlib.Path(folder)) for number, folder in versions.items()}
            for name, versions in folders.items()
        }
        self._labels = labels or {}

    @property
    def names(self):
        """Names of the models, sorted."""
        return sorted(self._models)

    def load(self):
        """Load all versions.

        Raises:
            ValueError: if not one of them can be served; it names each with its reason.
        """
        versions = [version for model in self._models.values() for version in model.values()]
        for version in versions:
            if version.state == "START":
                version.load()
        if not any(version.engine for version in versions):
            reasons = "\n".join(f"  {v.folder}: {v.error.message if v.error else v.state}" for v in versions)
            raise ValueError(f"no model can be served:\n{reasons}")

    def close(self):
        """Unload all versions. No request may be running."""
        for model in self._models.values():
            for version in model.values():
                version.unload()

    def find(self, name, version=None, label=None):
        """The available version that a request means.

        Args:
            name: name of the model.
            version: its number; the highest available one if None.
            label: a label instead of a number.

        Raises:
            ServingError: with TensorFlow Serving's code and text.
        """
        if not name:
            raise invalid_argument("ModelSpec has no name specified.")
        if label is not None:
            version = self._labels.get(name, {}).get(label)
            if version is None:
                raise invalid_argument(f"Unrecognized servable version label: {label}")
        available = {v.number: v for v in self._models.get(name, {}).values() if v.state == "AVAILABLE"}
        if version is None:
            if not available:
                raise not_found(f"Servable not found for request: Latest({name})")
            return available[max(available)]
        if version not in available:
            raise not_found(f"Servable not found for request: Specific({name}, {version})")
        return available[version]

    def versions(self, name, version=None):
        """All versions of a model, or the one asked for, whatever their state; by number.

        Raises:
            ServingError: with TensorFlow Serving's code and text, if there is none.
        """
        found = self._models.get(name, {})
        if version is not None:
            if version not in found:
                raise not_found(f"Could not find version {version} of model {name}")
            return [found[version]]
        if not found:
            raise not_found(f"Could not find any versions of model {name}")
        return [found[number] for number in sorted(found)]


def find_models(folder, model_name=None):
    """Find SavedModels laid out as for TensorFlow Serving, and of each model the latest version.

    Args:
        folder: either one model's folder (`folder/VERSION/saved_model.pb`) or a folder of models
            (`folder/NAME/VERSION/saved_model.pb`). VERSION is a whole number; other names are passed over.
        model_name: name to serve one model's folder under, instead of the folder's own name.

    Returns:
        `{model name: {version number: folder}}`, with the highest version of each model.

    Raises:
        ValueError: if nothing is found; it names the folder and what was expected.
    """
    folder = pathlib.Path(folder)
    expected = f"expected {folder}/NAME/VERSION/saved_model.pb or {folder}/VERSION/saved_model.pb"
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: {expected}")
    if _is_saved_model(folder):
        raise ValueError(f"{folder} is one version of a model: {expected}; serve its parent folder")
    versions = _versions(folder)
    if any(_is_saved_model(path) for path in versions.values()):
        return {model_name or folder.resolve().name: _latest(versions)}
    models = {}
    for child in sorted(folder.iterdir()):
        versions = _versions(child)
        if versions and not child.name.startswith("."):
            models[child.name] = _latest(versions)
    if not models:
        raise ValueError(f"no model in {folder}: {expected}, where VERSION is a whole number such as 1")
    if model_name is not None and list(models) != [model_name]:
        names = ", ".join(models)
        raise ValueError(f"{folder} is a folder of models ({names}), each served under its own name")
    return models


def _is_saved_model(folder):
    return any((folder / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt"))


def _versions(folder):
    if not folder.is_dir():
        return {}
    children = [child for child in sorted(folder.iterdir()) if re.fullmatch("[0-9]+", child.name, re.ASCII)]
    numbers = {int(child.name): child for child in children if len(child.name) < 100 and child.is_dir()}
    return {number: child for number, child in numbers.items() if number < 2**63}


def _latest(versions):
    return {max(versions): versions[max(versions)]}
