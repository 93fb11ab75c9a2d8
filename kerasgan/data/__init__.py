"""Real data for training: sources of images (TFDS, folders, arrays), the tf.data pipeline that batches them; text."""

from kerasgan.data import brown, text
from kerasgan.data.array_source import arrays
from kerasgan.data.folder_source import folder
from kerasgan.data.images import to_float, to_uint8
from kerasgan.data.npz_source import npz
from kerasgan.data.pipeline import in_order, load, steps_per_epoch
from kerasgan.data.source import Source
from kerasgan.data.tfds_source import prepare, tfds
from kerasgan.data.toy import eight_gaussians, swiss_roll, twenty_five_gaussians

__all__ = [
    "Source",
    "arrays",
    "brown",
    "eight_gaussians",
    "folder",
    "in_order",
    "load",
    "npz",
    "prepare",
    "steps_per_epoch",
    "swiss_roll",
    "text",
    "tfds",
    "to_float",
    "to_uint8",
    "twenty_five_gaussians",
]
