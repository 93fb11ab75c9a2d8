"""Picture files, which may come from anyone: opening one as far as its header, and decoding it."""

import os
import stat

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")  # none of which makes Pillow start another program
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def shown(file) -> str:
    """Return a path for messages, in one line."""
    text = os.fspath(file)
    return text if text.isprintable() else ascii(text)


def reason(error) -> str:
    """Return what an exception of Pillow says, or its name where it says nothing."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__)[:200]


def opened(file):
    """Return a `PIL.Image.Image` of which the header has been read, to be used in a `with`.

    Raises:
        ValueError, OSError: if it is no regular file, is empty, is of another format than `FORMATS` whatever its name
            says, or has more than `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    status = os.stat(file)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no regular file")
    if not status.st_size:
        raise ValueError("it is empty")
    limit = Image.MAX_IMAGE_PIXELS
    too_large = f"it has more than {limit or 0:,} pixels; make it smaller, or raise PIL.Image.MAX_IMAGE_PIXELS"
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        raise ValueError(f"it is none of {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError:
        raise ValueError(too_large) from None
    if limit is not None and image.width * image.height > limit:
        image.close()
        raise ValueError(too_large)
    return image


def decoded(file, channels: int) -> np.ndarray:
    """Return a file's picture as uint8 [height, width, channels], upright; of an animation the first frame.

    Numbers of 16 bits are rounded to 8. Without an alpha channel, transparent pixels are shown on white.

    Args:
        file: path.
        channels: 1 for grey, 3 for RGB, 4 for RGBA.

    Raises:
        ValueError: naming the file, if it cannot be decoded.
    """
    try:
        with opened(file) as image:
            return _converted(_upright(_by_libpng(image, file) if _needs_libpng(image) else image), channels)
    except Exception as error:  # Pillow's plugins each raise their own
        raise ValueError(f"{shown(file)} cannot be decoded: {reason(error)}") from error


def _needs_libpng(image):
    """Whether Pillow would drop the lower 8 of 16 bits, or miss the one transparent colour of those or of 2 or 4."""
    if image.format != "PNG":
        return False
    return image.tile[0][3].endswith("16B") or ("transparency" in image.info and image.mode != "P")


def _by_libpng(image, file):
    """The same picture in RGBA, read by the PNG library of TensorFlow."""
    image.load()  # what comes behind the pixels too, as EXIF data may
    with open(file, "rb") as content:
        levels = tf.io.decode_png(content.read(), channels=4, dtype=tf.uint16).numpy()
    whole = Image.fromarray(((levels.astype(np.uint32) + 128) // 257).astype(np.uint8))
    whole.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return whole


def _upright(image):
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF data that cannot be read say nothing about the picture
        return image


def _converted(image, channels):
    if channels != 4 and image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    array = np.asarray(image.convert(_MODES[channels]))
    return array[..., np.newaxis] if channels == 1 else array
