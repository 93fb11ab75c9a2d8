"""Short names of types that signatures use again and again, without TensorFlow."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

Path = str | os.PathLike[str]
Shape = tuple[int | None, ...]
Config = dict[str, Any]  # what `get_config` returns
Labels = int | str | Sequence[int | str] | np.ndarray  # classes, by number or by name
Logs = dict[str, Any]  # what Keras gives callbacks: names to means since the epoch began
