"""Pictures of what the generator makes while it learns."""

import pathlib

from kerasgan import pictures
from kerasgan.callbacks.every import EverySteps


class SampleGrid(EverySteps):
    """Write a grid of samples, always of the same latents, as `FOLDER/step-00000500.png`.

    Args:
        folder: where the pictures go; made where missing.
        every: training steps between two pictures.
        n: images in the grid.
        seed: see `GAN.sample`.
        labels: see `GAN.sample`; by default the grid has a column for each class.
        truncation: see `GAN.sample`.
    """

    def __init__(self, folder, every=500, n=64, seed=0, labels=None, truncation=None):
        super().__init__(every)
        self.folder = pathlib.Path(folder)
        self.n = n
        self.seed = seed
        self.labels = labels
        self.truncation = truncation

    def act(self, step, logs):
        """Write the grid of this step."""
        images = self.model.sample(self.n, seed=self.seed, labels=self.labels, truncation=self.truncation)
        columns = self.model.num_classes if self.labels is None else None  # by default a column a class
        pictures.save_grid(self.folder / f"step-{step:08d}.png", images, columns)
