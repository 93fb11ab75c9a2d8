"""Pictures of what the generator makes while it learns."""

import pathlib

import numpy.typing as npt

from kerasgan.callbacks.board import Board
from kerasgan.callbacks.every import EverySteps
from kerasgan.models import sample_checks
from kerasgan.utils import atomic_files
from kerasgan.utils.annotations import Labels, Logs, Path
from kerasgan.visualization import image_grid, samples


class SampleGrid(EverySteps):
    """Write a grid of samples, always of the same latents, as `FOLDER/step-00000500.png`.

    A model of points gives a picture of them, one of text a file of lines, `step-00000500.txt`.

    Args:
        folder: where the pictures go; made where missing.
        every: training steps between two pictures.
        n: samples.
        seed: see `GAN.sample`.
        labels: see `GAN.sample`; by default the classes in turn, with a column for each if they are at most 16.
        truncation: see `GAN.sample`.
        tensorboard: folder for TensorBoard's event files, where the pictures (of text the lines) are shown too; or
            `None`.
        name: of the pictures in TensorBoard.

    Raises:
        ValueError: if `every` is not a positive integer; when training begins, if the model cannot sample so.
        OSError: when training begins, if the folder cannot be made.

    Example:
        >>> gan.fit(images, callbacks=[kerasgan.callbacks.SampleGrid("samples", every=500, n=16, truncation=0.7)])
    """

    chief_only = True

    def __init__(
        self,
        folder: Path,
        every: int = 500,
        n: int = 64,
        seed: int = 0,
        labels: Labels | None = None,
        truncation: npt.ArrayLike | None = None,
        tensorboard: Path | None = None,
        name: str = "samples",
    ):
        super().__init__(every)
        self.folder = pathlib.Path(folder)
        self.n = n
        self.seed = seed
        self.labels = labels
        self.truncation = truncation
        self.name = name
        self._board = Board(tensorboard)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Check what is to be sampled."""
        super().on_train_begin(logs)
        if not self.is_idle:
            atomic_files.make_folder(self.folder)
            sample_checks.sampling(self.model, self.n, self.seed, self.labels, self.truncation)

    def act(self, step: int, logs: Logs | None) -> None:
        """Write the grid of this step."""
        drawn = self.model.sample(self.n, seed=self.seed, labels=self.labels, truncation=self.truncation)
        columns = image_grid.class_columns(self.model.num_classes) if self.labels is None else None
        path = self.folder / f"step-{step:08d}{samples.suffix(self.model)}"
        if self.model.vocabulary is None:
            picture = samples.picture(self.model, drawn, columns)
            image_grid.save(path, picture)
            self._board.picture(step, self.name, picture)
        else:
            samples.save(path, self.model, drawn)
            self._board.lines(step, self.name, self.model.vocabulary.decode(drawn))
