"""What the studies' pictures of images share."""

import numpy as np

from kerasgan.figures import pyplot as pyplot


def tiles(images, columns):
    """Lay images out in rows, one white pixel apart.

    Args:
        images: uint8 array [N, H, W, 1].
        columns: images a row.

    Returns:
        uint8 array [rows * (H + 1) - 1, columns * (W + 1) - 1].
    """
    rows = -(-len(images) // columns)
    height, width = images.shape[1] + 1, images.shape[2] + 1
    sheet = np.full((rows * height - 1, columns * width - 1), 255, "uint8")
    for index, image in enumerate(images):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height - 1, left : left + width - 1] = image[:, :, 0]
    return sheet
