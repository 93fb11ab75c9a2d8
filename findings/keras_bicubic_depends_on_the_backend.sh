#!/usr/bin/env bash
# Keras 3.15.1: `keras.ops.image.resize(interpolation="bicubic")` is another function on PyTorch than on TensorFlow.
#
# Guess, written down before: `ops.image.resize` is one function, whatever the backend, antialiased or not, to rounding.
# Outcome: a miss for "bicubic" without antialiasing: PyTorch's cubic has the parameter -0.75 there and TensorFlow's
# -0.5, so that pixels of 0 to 255 differ by up to 23 levels. With `antialias=True` PyTorch takes -0.5 too, and both
# are equal; so are "bilinear" and "nearest", with or without.
# What follows: features of images that were resized so are those of other images; antialias, or resize bilinearly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "keras==3.15.1" "tensorflow==2.21.0" "torch==2.13.0" "numpy>=2,<3"
cat > "$folder/case.py" <<'PY'
import sys

import numpy as np
from keras import ops

images = np.random.default_rng(0).uniform(0, 255, (1, 9, 9, 3)).astype("float32")
resized = {}
for kind in ("nearest", "bilinear", "bicubic"):
    for antialias in (False, True):
        for size in ((20, 20), (4, 4)):
            values = ops.image.resize(images, size, interpolation=kind, antialias=antialias)
            resized[f"{kind}, antialias {antialias}, to {size[0]} pixels"] = ops.convert_to_numpy(values)
np.savez(sys.argv[1], **resized)
PY
cat > "$folder/compare.py" <<'PY'
import numpy as np

one, other = np.load("tensorflow.npz"), np.load("torch.npz")
for name in one.files:
    difference = np.abs(one[name] - other[name]).max()
    print(f"{name}: {'equal' if difference < 0.01 else f'up to {difference:.0f} levels'}")
PY
cd "$folder"
for backend in tensorflow torch; do
  KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python case.py "$backend.npz" 2> errors || { cat errors; exit 1; }
done
venv/bin/python compare.py | tee out
diff out - <<'OUT'
nearest, antialias False, to 20 pixels: equal
nearest, antialias False, to 4 pixels: equal
nearest, antialias True, to 20 pixels: equal
nearest, antialias True, to 4 pixels: equal
bilinear, antialias False, to 20 pixels: equal
bilinear, antialias False, to 4 pixels: equal
bilinear, antialias True, to 20 pixels: equal
bilinear, antialias True, to 4 pixels: equal
bicubic, antialias False, to 20 pixels: up to 23 levels
bicubic, antialias False, to 4 pixels: up to 14 levels
bicubic, antialias True, to 20 pixels: equal
bicubic, antialias True, to 4 pixels: equal
OUT
