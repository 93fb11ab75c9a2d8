"""Saving the whole model while it trains."""

import pathlib

from kerasgan.callbacks.every import EverySteps


class Checkpoint(EverySteps):
    """Save the model, optimizers and step included, as `FOLDER/step-00001000.keras`; keep the newest few.

    Args:
        folder: where the files go; made where missing.
        every: training steps between two files.
        keep: how many files to keep.
    """

    def __init__(self, folder, every=1000, keep=2):
        super().__init__(every)
        self.folder = pathlib.Path(folder)
        self.keep = keep

    def act(self, step, logs=None):
        """Save now, then remove what is too old."""
        self.model.save(self.folder / f"step-{step:08d}.keras")
        for old in checkpoints(self.folder)[: -self.keep]:
            old.unlink()


def checkpoints(folder):
    """Return the paths of the checkpoints in a folder, oldest first."""
    return sorted(pathlib.Path(folder).glob("step-*.keras"))
