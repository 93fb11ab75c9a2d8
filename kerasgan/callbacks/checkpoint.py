"""Saving the whole model while it trains."""

import pathlib
import zipfile

from kerasgan.callbacks.every import EverySteps
from kerasgan.saving import keras_file
from kerasgan.utils import atomic_files, validation
from kerasgan.utils.annotations import Logs, Path

_PARTS = {"config.json", "metadata.json", "model.weights.h5"}  # of a `.keras` file


class Checkpoint(EverySteps):
    """Save the model, optimizers and step included, as `FOLDER/step-00001000.keras`; keep the newest few.

    Args:
        folder: where the files go; made where missing. It is of one training: a model that goes on continues it.
        every: training steps between two files.
        keep: how many files to keep, at least 1.

    Raises:
        ValueError: if `every` or `keep` is not a positive integer; when training begins, if a class of the model is not
            registered with Keras, or its `get_config` lacks an argument, so that no file of it could be loaded.
        FileExistsError: when training begins, if the folder has a file of more steps than the model has taken: of
            another training, whose file would be the newest.
        OSError: when training begins, if the folder cannot be made.
    """

    chief_only = True

    def __init__(self, folder: Path, every: int = 1000, keep: int = 2):
        super().__init__(every)
        self.folder = pathlib.Path(folder)
        self.keep = validation.integer("keep", keep, 1)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Refuse a folder in which what is written would not be the newest, and a model that could not be loaded."""
        super().on_train_begin(logs)
        if self.is_idle:
            return
        keras_file.check_loadable(self.model)
        atomic_files.make_folder(self.folder)
        newest = next(reversed(keras_file.checkpoints(self.folder)), None)
        if newest is not None and keras_file.step_of(newest) > self.step:
            raise FileExistsError(
                f"folder: expected none of another training; {self.folder} has {newest.name}, and this model has taken "
                f"{self.step:,} steps: give another folder, or load that file to go on with it"
            )

    def act(self, step: int, logs: Logs | None = None) -> None:
        """Save now, then remove what is too old."""
        self.model.save(self.folder / f"step-{step:08d}.keras")
        for old in keras_file.checkpoints(self.folder)[: -self.keep]:
            old.unlink()


def damage(path):
    """Return what is wrong with a `.keras` file as its own checksums tell, or `None`.

    A file that is whole, but of which a class is missing or does not fit, is not damaged.
    """
    if not path.stat().st_size:
        return "it is empty"
    try:
        with zipfile.ZipFile(path) as packed:
            bad = packed.testzip()
            missing = _PARTS - set(packed.namelist())
    except Exception as error:  # zipfile and zlib each raise their own
        return str(error)[:200] or type(error).__name__
    return f"its part {bad} has another checksum" if bad else f"it has no {min(missing)}" if missing else None
