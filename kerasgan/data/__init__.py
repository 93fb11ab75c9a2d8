"""Real images for training: sources (TFDS, folders, arrays) and the tf.data pipeline that batches them."""

from kerasgan.data.array_source import arrays
from kerasgan.data.folder_source import folder
from kerasgan.data.images import to_float, to_uint8
from kerasgan.data.pipeline import load, steps_per_epoch
from kerasgan.data.source import Source
from kerasgan.data.tfds_source import prepare, tfds

__all__ = ["Source", "arrays", "folder", "load", "prepare", "steps_per_epoch", "tfds", "to_float", "to_uint8"]
