"""Which models and versions there are, and which of them are loaded."""

import contextlib
import dataclasses
import logging
import pathlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

from kerasgan.server import folders, warmup
from kerasgan.server.engine import Engine
from kerasgan.server.engines import Engines
from kerasgan.server.errors import ServingError, invalid_argument, not_found
from kerasgan.server.facts import Facts, read_facts
from kerasgan.server.options import ModelOptions

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
        facts: the `Facts` of the files that were loaded.
        users: how many requests it is working on.
        attempts: how often it was loaded in vain with the files it has.
    """

    model: str
    number: int
    folder: pathlib.Path
    state: str = "START"
    error: ServingError | None = None
    engine: Engine | None = None
    facts: Facts = Facts()
    users: int = 0
    attempts: int = 0
    _files: list | None = None
    _failed_at: float = 0.0

    def load(self, engines):
        """Load it with `engines` and run its warmup requests. A failure is logged and kept in `error`, not raised."""
        self.state = "LOADING"
        self._files = folders.fingerprint(self.folder)
        try:
            self.engine = engines.open(self.folder)
            self.facts = read_facts(self.folder)
            if engines.options.warmup:
                warmup.run(self)
        except Exception as error:
            if self.engine is not None:
                self.engine.close()
            if not isinstance(error, ServingError):
                log.exception("model %s version %d: an error that was not foreseen", self.model, self.number)
                error = ServingError(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")
            self.engine, self.error = None, error
            self.attempts, self._failed_at = self.attempts + 1, time.monotonic()
            self.state = "END"
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
            log.info("model %s version %d is unloaded", self.model, self.number)

    def next_attempt(self, folder, options):
        """A new version to load in place of this one; None if there is nothing to do.

        One that was loaded in vain is tried again when its files have changed, or as often and as late as
        `ModelOptions` say.
        """
        if self.state not in ("START", "END"):
            return None
        again = Version(self.model, self.number, folder)
        if self.error is None or folders.fingerprint(self.folder) != self._files:
            return again
        if self.attempts <= options.load_retries and time.monotonic() >= self._failed_at + options.load_retry_seconds:
            again.attempts = self.attempts
            return again
        return None


class Models:
    """The models of a server. Methods may be called from many threads at once.

    Attributes:
        engines: `Engines` that open them.
    """

    def __init__(self, folders=None, labels=None, options=ModelOptions()):
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
        self._labels = labels or {}
        self._changed = threading.Condition(threading.RLock())
        self._updating = threading.Lock()

    @property
    def names(self):
        """Names of the models, sorted."""
        with self._changed:
            return sorted(self._models)

    def has(self, name):
        """Whether there is, or was, a model of that name."""
        return name in self._models

    def load(self):
        """Load all versions.

        Raises:
            ValueError: if not one of them can be served; it names each with its reason.
        """
        with self._updating:
            self._load([version for version in self._all() if version.state == "START"])
        self.check_any()

    def check_any(self):
        """Raise ValueError if no version can be served; it names each with its reason."""
        versions = self._all()
        if not any(version.engine for version in versions):
            reasons = "\n".join(f"  {v.folder}: {v.error.message if v.error else v.state}" for v in versions)
            raise ValueError(f"no model can be served:\n{reasons}")

    def update(self, wanted):
        """Load versions that are wanted, then unload those that are not.

        A model keeps its old versions until one of its new ones can be served. A version that could not be
        loaded is tried again when its files have changed. Requests under way are finished.

        Args:
            wanted: `{model name: {version number: folder}}`; None instead of a dict leaves the model as it is;
                of models that are not in it, all is unloaded.
        """
        with self._updating:
            self._load(
                [
                    self._to_load(name, number, pathlib.Path(folder))
                    for name, versions in wanted.items()
                    for number, folder in sorted((versions or {}).items())
                ]
            )
            for version in self._unwanted(wanted):
                self._unload(version)

    def _to_load(self, name, number, folder):
        """The version if it has to be loaded, else None."""
        with self._changed:
            model = self._models.setdefault(name, {})
            old = model.get(number)
            new = Version(name, number, folder) if old is None else old.next_attempt(folder, self.engines.options)
            if new is not None:
                model[number] = new
            return new

    def _load(self, versions):
        with ThreadPoolExecutor(self.engines.options.load_threads, thread_name_prefix="load") as pool:
            list(pool.map(lambda version: version.load(self.engines), filter(None, versions)))

    def _unwanted(self, wanted):
        for name in self.names:
            keep = wanted.get(name, {})
            loaded = [version for version in self._of(name) if version.state == "AVAILABLE"]
            if keep is None or (keep and not any(version.number in keep for version in loaded)):
                continue
            yield from (version for version in loaded if version.number not in keep)

    def _unload(self, version):
        with self._changed:
            if version.state == "AVAILABLE":
                version.state = "UNLOADING"
            self._changed.wait_for(lambda: not version.users)
        version.unload()

    def hurry(self):
        """Compute batches that wait for more requests now."""
        self.engines.hurry()

    def cancel(self):
        """Stop computations that can be stopped, those of graphs with loops; the models cannot be used any more."""
        for version in self._all():
            engine = version.engine
            if engine is not None:
                engine.close()

    def close(self):
        """Finish the requests under way and unload all versions."""
        with self._updating:
            for version in self._all():
                self._unload(version)
            self.engines.close()

    def set_labels(self, labels):
        """Replace all labels: `{model name: {label: version number}}`."""
        self._labels = labels

    def version_of_label(self, name, label):
        """The version that a label stands for, or None."""
        return self._labels.get(name, {}).get(label)

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
            version = self.version_of_label(name, label)
            if version is None:
                raise invalid_argument(f"Unrecognized servable version label: {label}")
        available = {v.number: v for v in self._of(name) if v.state == "AVAILABLE"}
        if version is None:
            if not available:
                raise not_found(f"Servable not found for request: Latest({name})")
            return available[max(available)]
        if version not in available:
            raise not_found(f"Servable not found for request: Specific({name}, {version})")
        return available[version]

    @contextlib.contextmanager
    def use(self, name, version=None, label=None):
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

    def versions(self, name, version=None):
        """All versions of a model, or the one asked for, whatever their state; by number.

        Raises:
            ServingError: with TensorFlow Serving's code and text, if there is none.
        """
        found = {each.number: each for each in self._of(name)}
        if version is not None:
            if version not in found:
                raise not_found(f"Could not find version {version} of model {name}")
            return [found[version]]
        if not found:
            raise not_found(f"Could not find any versions of model {name}")
        return [found[number] for number in sorted(found)]

    def _of(self, name):
        with self._changed:
            return list(self._models.get(name, {}).values())

    def _all(self):
        return [version for name in self.names for version in self._of(name)]
