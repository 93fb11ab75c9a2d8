"""Images: of a TFDS dataset, a folder or an `.npz` file."""

import pathlib
import sys
from typing import ClassVar, Literal

import numpy as np
import pydantic

from kerasgan import data
from kerasgan.data import bucket, fitting, tfds_source
from kerasgan.data.source import Source
from kerasgan.recipes.sections.base import Section, refused
from kerasgan.utils.messages import shortened

_GARMENTS = (28, 32)  # sides of images that the classifier of garments takes


class ImageData(Section):
    """Where the real images come from: exactly one of `tfds`, `folder` and `arrays`. See `kerasgan.data.load`.

    `arrays` is the path of an `.npz` file, see `kerasgan.data.npz`. With `fit`, size, channels and whether there are
    labels are those that go with the pictures of the folder or file (see `kerasgan.data.fitting`).
    """

    metrics: ClassVar[str] = "fid"
    plural: ClassVar[str] = "images"
    elsewhere: ClassVar[tuple[str, ...]] = ("data_dir", "cache")

    tfds: str | None = None
    folder: str | None = None
    arrays: str | None = None
    split: str = "train"
    data_dir: str | None = None
    cache: bool | str = True
    image_size: int = pydantic.Field(32, ge=1)
    channels: Literal[1, 3, 4] | None = None
    center_crop: bool = True
    mirror: bool = False
    labels: bool = False
    fit: bool = False

    @pydantic.model_validator(mode="after")
    def _one_place(self):
        if [self.tfds, self.folder, self.arrays].count(None) != 2:
            raise ValueError("expected exactly one of tfds, folder and arrays (or text, or toy)")
        if self.fit and self.tfds is not None:
            raise ValueError("fit: expected a folder or arrays with it; TFDS has datasets of known size and classes")
        if self.fit and {"image_size", "channels", "labels"} & self.model_fields_set:
            raise ValueError(
                "fit: expected no image_size, channels and labels with it, as they are the data's; to choose them say "
                "fit=false with all that you choose (--set data.fit=false --set data.channels=1 ...)"
            )
        return self

    @property
    def place(self):
        """The dataset's name or the path."""
        return self.tfds or self.folder or self.arrays

    @property
    def is_local(self):
        """Whether they are a folder or a file."""
        return self.tfds is None

    def fitted(self):
        """Return the section with size, channels and labels that go with the pictures, if they are left to these."""
        if not self.fit:
            return self
        if not (bucket.is_address(self.place) or pathlib.Path(self.place).expanduser().exists()):
            raise FileNotFoundError(f"data: nothing is at {shortened(self.place)}; name your pictures: --data PATH")
        fitted = fitting.of(self.place)
        print(f"{shortened(self.place)}: {fitted}", file=sys.stderr)
        fields = {"image_size": fitted.size, "channels": fitted.channels, "labels": fitted.classes is not None}
        return self.model_copy(update={**fields, "fit": False})

    def open(self):
        """Return a `kerasgan.data.Source`; see `Section.open`."""
        return self._opened(self.split, self.data_dir)

    def _opened(self, split, data_dir):
        if self.folder is not None:
            return data.folder(self.folder, 4 if self.channels == 4 else 3)
        if self.arrays is not None:
            return data.npz(self.arrays)
        return data.tfds(self.tfds, split=split, data_dir=data_dir)

    def noise(self):
        """Return a `Source` with the channels and classes of the data, but with a single image of noise.

        Images that are nowhere are taken for RGB, unless the section says their channels.

        Raises:
            ValueError, FileNotFoundError: if they cannot be known: no such TFDS dataset, no such folder.
        """
        if self.tfds is not None:
            channels, class_names = tfds_source.described(self.tfds, self.data_dir)
        elif self.labels or bucket.is_address(self.place) or pathlib.Path(self.place).expanduser().exists():
            source = self.open()
            channels, class_names = source.channels, source.class_names
        else:
            channels, class_names = self.channels or 3, None
        image = np.random.default_rng(0).integers(0, 256, (1, self.image_size, self.image_size, channels), np.uint8)
        return Source(data.arrays(image).examples, 1, class_names, self.place)

    def instead(self, path):
        """Return the section with the images of a folder or an `.npz` file."""
        if pathlib.Path(path).is_file() and not str(path).endswith(".npz"):
            raise ValueError(
                "data: expected a folder of pictures or an .npz file, as the recipe is of images; got the file "
                f"{shortened(path)}. Lines of text go with a recipe of text, such as wgan_gp_characters"
            )
        kind = "arrays" if str(path).endswith(".npz") else "folder"
        places = {"tfds": None, "folder": None, "arrays": None, "split": "train", kind: str(path)}
        return self.model_copy(update=places)

    def shape(self, source):
        """Return (H, W, C)."""
        return self.image_size, self.image_size, self.channels or source.channels

    def num_classes(self, source):
        """Return the number of classes, if the section asks for labels; see `Section.num_classes`."""
        if not self.labels:
            return None
        if source.class_names is None:
            raise ValueError(f"data.labels: expected a source with labels; {source.name} has none")
        return len(source.class_names)

    def stream(self, source, batches_per_step, seed, start_step):
        """Return batches of images, with labels if the section asks for them; see `kerasgan.data.load`."""
        return data.load(
            source,
            image_size=self.image_size,
            channels=self.channels,
            batch_size=self.batch_size,
            critic_steps=batches_per_step,
            labels=self.labels,
            center_crop=self.center_crop,
            mirror=self.mirror,
            cache=self.cache,
            seed=seed,
            repeat=True,
            start_step=start_step,
        )

    def steps_per_epoch(self, source, batches_per_step):
        """Return how many training steps one pass takes; see `Section.steps_per_epoch`."""
        return data.steps_per_epoch(source, self.batch_size, batches_per_step)

    def reference(self, shape, network=None, weights=None, split=None, data_dir=None, cache=None, verbose=False):
        """Return a `kerasgan.metrics.Reference`; see `Section.reference`."""
        from kerasgan.metrics import features
        from kerasgan.metrics.evaluation.reference import Reference

        if len(shape) != 3 or shape[0] != shape[1]:
            raise ValueError(
                f"model: expected one that makes square images [H, W, C], as its data are; it makes {tuple(shape)}"
            )
        size, _, channels = shape
        if self.tfds is None:
            for argument, value in {"split": split, "data_dir": data_dir}.items():
                refused(argument, value, f"{self.place} is no dataset of TFDS")
        split = split or self.split
        judge = features.load(network or self.judge(shape), weights)
        source = self._opened(split, data_dir or self.data_dir)
        name = self.reference_name(source.name, size, split)
        return Reference.of_source(source, judge, size, channels, self.center_crop, name, cache, verbose)

    @staticmethod
    def judge(shape):
        """The feature network of images [H, W, C] where none is asked for: one that knows such images."""
        return "garments" if shape[2] == 1 and shape[0] in _GARMENTS else "efficientnet-lite0"

    def reference_name(self, source_name, size, split=None):
        """What protocols call the real images of this section at a size."""
        what = source_name if self.tfds is None else f"{self.tfds} {split or self.split}"
        return f"{what} at {size} x {size}{'' if self.center_crop else ', squeezed'}"
