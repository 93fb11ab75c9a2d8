"""One version of a model: loading it, letting it go, and looking at its files."""

import dataclasses
import logging
import pathlib
import time

import grpc

from kerasgan.server.errors import ServingError
from kerasgan.server.inference.engine import Engine
from kerasgan.server.models import discovery, warmup
from kerasgan.server.models.facts import Facts, read_facts

log = logging.getLogger("kerasgan.server")


@dataclasses.dataclass
class Version:
    """One version of one model.

    Attributes:
        model: name of the model.
        number: the version.
        folder: where its SavedModel lies.
        real_folder: the same without symbolic links, as it was when it was loaded.
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
    real_folder: pathlib.Path | None = None
    _files: list | None = None
    _files_seen: list | None = None
    _files_told: list | None = None
    _failed_at: float = 0.0

    def load(self, engines):
        """Load it with `engines` and run its warmup requests. A failure is logged and kept in `error`, not raised."""
        start = time.monotonic()
        self.state = "LOADING"
        self.real_folder = self.folder.resolve()
        self._files = discovery.fingerprint(self.folder)
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
            seconds = time.monotonic() - start
            log.error("model %s version %d not loaded, after %.2f s: %s", self.model, self.number, seconds, error)
        else:
            self.state = "AVAILABLE"
            seconds = time.monotonic() - start
            log.info("model %s version %d loaded in %.2f s from %s", self.model, self.number, seconds, self.folder)

    def unload(self):
        """Free its memory. No request may be running."""
        engine, self.engine = self.engine, None
        if engine is not None:
            self.state = "UNLOADING"
            engine.close()
            self.state = "END"

    def next_attempt(self, folder, options):
        """A new version to load in place of this one; None if there is nothing to do.

        One that was loaded in vain is tried again when its files have changed, or as often and as late as
        `ModelOptions` say.
        """
        if self.state not in ("START", "END"):
            return None
        again = Version(self.model, self.number, folder)
        if self.error is None or folder != self.folder or discovery.fingerprint(folder) != self._files:
            return again
        if self.attempts <= options.load_retries and time.monotonic() >= self._failed_at + options.load_retry_seconds:
            again.attempts = self.attempts
            return again
        return None

    def is_from(self, folder):
        """Whether it was loaded from this folder, by whatever names and links either is reached."""
        return self.real_folder == folder.resolve()

    def look_at_files(self):
        """Say so, once they have settled, if its files have changed since it was loaded; it goes on as it is.

        To load them would be unsafe: nobody can tell whether all that belong together have been written.
        """
        files = discovery.fingerprint(self.folder)
        if files == self._files_seen and files not in (self._files, self._files_told):
            self._files_told = files
            log.warning(
                "model %s version %d: files in %s have changed since it was loaded; what was loaded goes on being "
                "served. To serve the files, put them into a folder with another number, or start the server again",
                self.model,
                self.number,
                self.folder,
            )
        self._files_seen = files
