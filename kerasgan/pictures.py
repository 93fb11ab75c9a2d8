"""Grids of images as PNG files: `kerasgan.visualization.image_grid` under its short name."""

from .visualization.image_grid import class_columns, grid, lines, save_animation, save_each, save_grid

__all__ = ["class_columns", "grid", "lines", "save_animation", "save_each", "save_grid"]
