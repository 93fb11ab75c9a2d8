"""Keeping the models served in step with folders and with `models.config`."""

import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping

import grpc

from kerasgan.server.config import models_config as configs
from kerasgan.server.config import textproto
from kerasgan.server.config.options import WatchOptions
from kerasgan.server.errors import ServingError, cut, failed_precondition
from kerasgan.server.models.discovery import find_models
from kerasgan.server.models.models import Models
from kerasgan.utils.annotations import Path

log = logging.getLogger("kerasgan.server")


class _Complaints:
    """Logs what is wrong when it begins, not at each look."""

    def __init__(self):
        self._known = set()

    def say(self, texts):
        """Log those that were not among the last ones."""
        texts = set(texts)
        for text in sorted(texts - self._known):
            log.warning("%s", text)
        self._known = texts


class Watcher:
    """Looks again and again for versions that came or went, and loads and unloads them.

    Attributes:
        models: the `Models` it keeps.
    """

    def __init__(
        self,
        models: Models,
        folder: Path | None = None,
        model_name: str | None = None,
        config: textproto.ModelServerConfig | Path | None = None,
        options: WatchOptions = WatchOptions(),
    ):
        """Make a watcher; nothing is looked at before `start`.

        Args:
            models: `Models`.
            folder: folder to serve, as `find_models` takes it.
            model_name: likewise.
            config: a `ModelServerConfig`, or the path of one in text form, instead of a folder. With neither,
                `models` stays as it is until a `reload`.
            options: `WatchOptions`.

        Raises:
            ValueError: if both a folder and a config are given.
        """
        if folder is not None and config is not None:
            raise ValueError("give a folder or a config, not both")
        self.models = models
        self.options = options
        is_message = isinstance(config, textproto.ModelServerConfig)
        self._config_file = None if is_message else config
        self._first_config = config if is_message else None
        self._find: Callable[[], Mapping] | None = (
            None if folder is None else functools.partial(find_models, folder, model_name)
        )
        self._config: textproto.ModelServerConfig | None = None
        self._text: str | None = None
        self._folder_complaints = _Complaints()
        self._file_complaints = _Complaints()
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look for the first time, and then in the background.

        Raises:
            ValueError: if there are versions but none can be served, or the config file is wrong.
            OSError: if the config file cannot be read.
        """
        if self._config_file is not None:
            self._text = textproto.read_text(self._config_file)
            self._first_config = textproto.parse(self._config_file, self._text, textproto.ModelServerConfig)
        if self._first_config is None:
            self.models.load()
        else:
            self._start_with(self._first_config)
        if self.options.poll_seconds > 0 or self.options.config_poll_seconds > 0:
            self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
            self._thread.start()

    def _start_with(self, config):
        try:
            self._take(config)
        except ServingError as error:
            raise ValueError(f"{self._config_file or 'models'}: {error.message}") from error
        self.poll()
        if self.models.names:
            self.models.check_any()

    def stop(self) -> None:
        """Look no more; wait for a load under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def poll(self) -> None:
        """Look at the folders once, and load and unload what has changed."""
        with self._lock:
            if self._find is None:
                return
            try:
                wanted = self._find()
            except (ValueError, OSError) as error:  # the folder is gone, or empty: perhaps for a moment
                self._folder_complaints.say([f"models stay as they are: {error}"])
                return
            self._folder_complaints.say(configs.without_versions(self._config, wanted) if self._config else [])
            self.models.update(wanted)

    def reload(self, config: textproto.ModelServerConfig) -> None:
        """Replace the whole set of models and labels, and wait for it.

        A model whose base path is another one is loaded from there, and the old one served until then.

        Args:
            config: `ModelServerConfig`.

        Raises:
            ServingError: INVALID_ARGUMENT or FAILED_PRECONDITION if it cannot be taken: then nothing has
                changed. UNKNOWN if a model that is new in it, or whose base path is, cannot be served from there.
        """
        with self._lock:
            old = {model.name for model in self._config.model_config_list.config} if self._config else set()
            self._take(config)
            self.poll()
            missing = [
                model
                for model in config.model_config_list.config
                if self._is_served_from_elsewhere(model)
                or (model.name not in old and not self.models.available(model.name))
            ]
        if missing:
            reasons = ", ".join(f"{{{cut(model.name)} due to error: {self._reason(model)}}}" for model in missing)
            raise ServingError(
                grpc.StatusCode.UNKNOWN, f"{len(missing)} model(s) did not become available: {{{reasons}}}"
            )

    def _take(self, config):
        configs.check_config(config, self._config)
        versions = configs.configured_versions(config)
        for model in config.model_config_list.config:
            if not versions[model.name] and self._is_served_from_elsewhere(model):
                raise failed_precondition(
                    f"model {cut(model.name)}: its new base_path {cut(model.base_path)} has none of the "
                    "versions that are to be served; nothing has changed"
                )
        labels = configs.configured_labels(config)
        self._check_labels(labels)
        self.models.set_labels(labels)
        self._config = config
        self._find = functools.partial(configs.configured_versions, config)

    def _check_labels(self, labels):
        for name, versions in labels.items():
            for label, number in versions.items():
                is_new = self.models.version_of_label(name, label) in (None, number)
                if self.options.allow_labels_for_unavailable and is_new:
                    continue
                if number not in self.models.available(name):
                    raise ServingError(
                        grpc.StatusCode.FAILED_PRECONDITION,
                        f"Request to assign label to version {number} of model {cut(name)}, "
                        "which is not currently available for inference",
                    )

    def _is_served_from_elsewhere(self, model):
        return self.models.available(model.name) and not self.models.is_served_from(model.name, model.base_path)

    def _reason(self, model):
        errors = self.models.errors(model.name)
        try:
            self.models.versions(model.name)
        except ServingError as error:
            errors = [error]
        return errors[-1] if errors else f"{cut(model.base_path)} has none of the versions that are to be served"

    def _run(self):
        poll, config_poll = self.options.poll_seconds, self.options.config_poll_seconds
        waits = [seconds for seconds in (poll, config_poll) if seconds > 0]
        next_config = time.monotonic() + config_poll
        while not self._stopping.wait(min(waits)):
            try:
                if self._config_file is not None and 0 < config_poll and time.monotonic() >= next_config:
                    next_config = time.monotonic() + config_poll
                    self._reread()
                if poll > 0:
                    self.poll()
            except Exception:
                log.exception("looking for models failed")

    def _reread(self):
        try:
            text = textproto.read_text(self._config_file)
            if text != self._text:  # else a reload request since then holds
                self.reload(textproto.parse(self._config_file, text, textproto.ModelServerConfig))
                self._text = text
            self._file_complaints.say([])
        except (OSError, ValueError, ServingError) as error:  # tried again: a version may have to come first
            self._file_complaints.say([f"{self._config_file} is not in force as it is: {error}"])
