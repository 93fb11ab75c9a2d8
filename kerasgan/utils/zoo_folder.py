"""Where the zoo is: presets, recipes, and weights of classifiers."""

import pathlib

_PACKAGE = pathlib.Path(__file__).parents[1]
# in a wheel inside the package (setup.py puts it there), in a checkout at its top
FOLDER = _PACKAGE / "_zoo" if (_PACKAGE / "_zoo").is_dir() else _PACKAGE.parent / "zoo"
