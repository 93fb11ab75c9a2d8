"""Which models and versions there are, and which of them are loaded."""

import contextlib
import logging
import pathlib
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kerasgan.server import collecting
from kerasgan.server.config.options import ModelOptions
from kerasgan.server.errors import ServingError, cut, invalid_argument, not_found
from kerasgan.server.inference.factory import Engines
from kerasgan.server.models.version import Version
from kerasgan.utils.annotations import Path

log = logging.getLogger("kerasgan.server")

UNLOAD_SECONDS = 10.0  # an update waits so long for the requests of a version that goes; then a thread does


Folders = Mapping[str, Mapping[int, Path]]  # model name, version number, folder of a SavedModel
Labels = Mapping[str, Mapping[str, int]]  # model name, label, version number


class Models:
    """The models of a server. Methods may be called from many threads at once.

    Attributes:
        engines: `Engines` that open them.
    """

    def __init__(
        self, folders: Folders | None = None, labels: Labels | None = None, options: ModelOptions = ModelOptions()
    ):
        """Make a set of models, none of them loaded yet.

        Args:
            folders: `{model name: {version number: folder of a SavedModel}}`, or None for no models.
            labels: `{model name: {label: version number}}`, or None.
            options: `ModelOptions`.
        """
        self.engines = Engines(options)
        self._models = {
            name: {number: Version(name, number, pathlib.Path(folder)) for number, folder in versions.items()}
            for name, versions in (folders or {}).items()
        }
        self._leaving: list[Version] = []  # versions that a thread unloads when their requests are done
        self._replacements: dict[
            tuple[str, int], Version
        ] = {}  # versions that could not take the place of one from another folder
        self._labels = labels or {}
        self._changed = threading.Condition(threading.RLock())
        self._updating = threading.Lock()

    @property
    def names(self) -> list[str]:
        """Names of the models, sorted."""
        with self._changed:
            return sorted(self._models)

    def has(self, name: str) -> bool:
        """Whether there is, or was, a model of that name."""
        return name in self._models

    def load(self) -> None:
        """Load all versions.

        Raises:
            ValueError: if not one of them can be served; it names each with its reason.
        """
        with self._updating:
            self._load([version for version in self._all() if version.state == "START"])
        self.check_any()

    def check_any(self) -> None:
        """Raise ValueError if no version can be served; it names each with its reason."""
        versions = self._all()
        if not any(version.engine for version in versions):
            reasons = "\n".join(f"  {v.folder}: {v.error.message if v.error else v.state}" for v in versions)
            raise ValueError(f"no model can be served:\n{reasons}")

    def update(self, wanted: Mapping[str, Mapping[int, Path] | None]) -> None:
        """Load versions that are wanted, then unload those that are not.

        A model keeps its old versions until one of its new ones can be served, and a version from another folder
        until it is loaded from the one that is wanted. A version that could not be loaded is tried again when its
        files have changed. Requests under way are finished; those that take long hold up no other load.

        Args:
            wanted: `{model name: {version number: folder}}`; None instead of a dict leaves the model as it is;
                of models that are not in it, all is unloaded.
        """
        with self._updating:
            looked_at = [
                self._to_load(name, number, pathlib.Path(folder))
                for name, versions in wanted.items()
                for number, folder in sorted((versions or {}).items())
            ]
            new = [version for version in looked_at if version is not None]
            self._load(new)
            old = [*self._replaced(new), *self._unwanted(wanted)]
            for version in new:
                self._log_swap(version, old)
            for version in old:
                self._let_go(version)
                self._look_at_labels(version)
            if old:
                collecting.collect_unloaded()
            self._forget_failures(wanted)

    def _forget_failures(self, wanted):
        """Forget versions that could not be loaded and are wanted no more."""
        failed = self._replacements.items()
        self._replacements = {key: version for key, version in failed if key[1] in (wanted.get(key[0]) or {})}
        with self._changed:
            for name, versions in self._models.items():
                keep = wanted.get(name, {})
                for number, version in () if keep is None else list(versions.items()):
                    if version.error is not None and number not in keep:
                        del versions[number]

    def _to_load(self, name, number, folder):
        """The version if it has to be loaded, else None."""
        with self._changed:
            old = self._models.setdefault(name, {}).get(number)
        place: dict[Any, Version]
        key: Any
        if old is not None and old.state == "AVAILABLE":
            if old.is_from(folder):
                old.folder = folder
                old.look_at_files()
                self._replacements.pop((name, number), None)
                return None
            place, key = self._replacements, (name, number)
        else:
            place, key = self._models[name], number
        tried = place.get(key)
        new = Version(name, number, folder) if tried is None else tried.next_attempt(folder, self.engines.options)
        if new is not None:
            with self._changed:
                place[key] = new
        return new

    def _replaced(self, new: list[Version]):
        """Put versions that were loaded from another folder into the places of the old ones, which are returned."""
        for version in new:
            key = version.model, version.number
            if version.state == "AVAILABLE" and self._replacements.get(key) is version:
                del self._replacements[key]
                with self._changed:
                    old = self._models[version.model][version.number]
                    self._models[version.model][version.number] = version
                yield old

    def _load(self, versions):
        with ThreadPoolExecutor(self.engines.options.load_threads, thread_name_prefix="load") as pool:
            list(pool.map(lambda version: version.load(self.engines), versions))

    def _unwanted(self, wanted):
        for name in self.names:
            keep = wanted.get(name, {})
            loaded = [version for version in self._of(name) if version.state == "AVAILABLE"]
            if keep is None or (keep and not any(version.number in keep for version in loaded)):
                continue
            yield from (version for version in loaded if version.number not in keep)

    def _log_swap(self, new, old):
        before = [version for version in old if version.model == new.model]
        if before and new.state == "AVAILABLE":
            folders = ", ".join(str(version.folder) for version in before)
            log.info("model %s version %d swapped in: %s instead of %s", new.model, new.number, new.folder, folders)

    def _let_go(self, version):
        """Unload a version, here if its requests are done soon, else in a thread."""
        with self._changed:
            version.state = "UNLOADING"
            is_free = self._changed.wait_for(lambda: not version.users, UNLOAD_SECONDS)
            if not is_free:
                self._leaving.append(version)
        if is_free:
            self._unload(version)
            return
        log.warning("model %s version %d is unloaded when its requests are done", version.model, version.number)
        threading.Thread(target=self._unload_and_collect, args=[version], name="unload", daemon=True).start()

    def _unload_and_collect(self, version):
        self._unload(version)
        collecting.collect_unloaded()

    def _unload(self, version):
        start = time.monotonic()
        with self._changed:
            was_loaded = version.engine is not None
            if was_loaded:
                version.state = "UNLOADING"
            self._changed.wait_for(lambda: not version.users)
            self._leaving = [each for each in self._leaving if each is not version]
        version.unload()
        if was_loaded:
            seconds = time.monotonic() - start
            log.info("model %s version %d unloaded in %.2f s", version.model, version.number, seconds)

    def _look_at_labels(self, unloaded: Version):
        """Say which labels name nothing any more."""
        if self._models[unloaded.model].get(unloaded.number) is not unloaded:
            return  # another one has taken its place
        for label, number in self._labels.get(unloaded.model, {}).items():
            if number == unloaded.number:
                text = "model %s: label %s names version %d, which is not served any more"
                log.warning(text, unloaded.model, label, number)

    def hurry(self) -> None:
        """Compute batches that wait for more requests now."""
        self.engines.hurry()

    def cancel(self) -> None:
        """Stop computations that can be stopped, those of graphs with loops; the models cannot be used any more."""
        for version in (*self._all(), *self._leaving):
            engine = version.engine
            if engine is not None:
                engine.close()

    def close(self) -> None:
        """Finish the requests under way and unload all versions."""
        with self._updating:
            for version in (*self._all(), *self._leaving):
                self._unload(version)
            self.engines.close()

    def set_labels(self, labels: Labels) -> None:
        """Replace all labels: `{model name: {label: version number}}`."""
        self._labels = labels

    def version_of_label(self, name: str, label: str) -> int | None:
        """The version that a label stands for, or None."""
        return self._labels.get(name, {}).get(label)

    def find(self, name: str, version: int | None = None, label: str | None = None) -> Version:
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
            version = self.version_of_label(name, label)
            if version is None:
                raise invalid_argument(f"Unrecognized servable version label: {cut(label)}")
        else:
            version = self._number(name, version)
        available = {v.number: v for v in self._of(name) if v.state == "AVAILABLE"}
        if version is None:
            if not available:
                raise not_found(f"Servable not found for request: Latest({cut(name)})")
            return available[max(available)]
        if version not in available:
            raise not_found(f"Servable not found for request: Specific({cut(name)}, {version})")
        return available[version]

    @contextlib.contextmanager
    def use(self, name: str, version: int | None = None, label: str | None = None) -> Iterator[Version]:
        """As `find`; what is found stays loaded inside the `with` block."""
        with self._changed:
            found = self.find(name, version, label)
            found.users += 1
        try:
            yield found
        finally:
            with self._changed:
                found.users -= 1
                if found.state == "UNLOADING":
                    self._changed.notify_all()

    def versions(self, name: str, version: int | None = None) -> list[Version]:
        """All versions of a model, or the one asked for, whatever their state; by number.

        Raises:
            ServingError: with TensorFlow Serving's code and text, if there is none.
        """
        found = {each.number: each for each in self._of(name)}
        version = self._number(name, version)
        if version is not None:
            if version not in found:
                raise not_found(f"Could not find version {version} of model {cut(name)}")
            return [found[version]]
        if not found:
            raise not_found(f"Could not find any versions of model {cut(name)}")
        return [found[number] for number in sorted(found)]

    def _number(self, name, version):
        """The version that a request means: 0 is the latest for some clients (ovmsclient), if there is no such one."""
        zero = self._models.get(name, {}).get(0)
        is_there = zero is not None and (zero.state != "END" or zero.error is not None)  # else it was let go
        return None if version == 0 and not is_there else version

    def errors(self, name: str) -> list[ServingError]:
        """The `ServingError`s of those versions of a model that could not be loaded."""
        failed = [version for version in self._replacements.values() if version.model == name]
        return [version.error for version in (*self._of(name), *failed) if version.error is not None]

    def available(self, name: str) -> list[int]:
        """The numbers of those versions of a model that are available."""
        return [version.number for version in self._of(name) if version.state == "AVAILABLE"]

    def is_served_from(self, name: str, base_path: Path) -> bool:
        """Whether a version of the model that lies in this folder is available."""
        base_path = pathlib.Path(base_path)
        return any(v.state == "AVAILABLE" and v.folder.parent == base_path for v in self._of(name))

    def _of(self, name):
        with self._changed:
            return list(self._models.get(name, {}).values())

    def _all(self):
        return [version for name in self.names for version in self._of(name)]
