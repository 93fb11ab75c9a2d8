#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: `ops.image.map_coordinates` reflects and mirrors at other places than SciPy 1.17.1.
#
# Guess, written down before: with order=1 it is `scipy.ndimage.map_coordinates`, whose modes have the same names:
# "reflect" reflects at the edges of the outer pixels (d c b a | a b c d), "mirror" at their centres (d c b | a b c d).
# Outcome: a miss. Before the first pixel "reflect" is "mirror", a pixel off. After the last one "mirror" returns a pixel
# late, and within one pixel of it raises (on this processor). "constant", "nearest" and "wrap" are SciPy's, as
# "grid-constant", "nearest" and "grid-wrap".
# What follows: displaced images, elastic augmentation of one's own for example, are right on TensorFlow with "nearest"
# or with padding made before (`ops.pad(x, ..., mode="symmetric")`).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "tensorflow==2.21.0" "keras==3.15.1" "scipy==1.17.1"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np
import tensorflow as tf
from scipy import ndimage

line, places = np.arange(5, dtype="float32"), [-2.25, -0.5, 1.5, 4.5, 6.25]


def by_keras(place, mode):
    try:
        [value] = keras.ops.image.map_coordinates(line, np.array([[place]], "float32"), order=1, fill_mode=mode)
    except tf.errors.InvalidArgumentError:
        return "raises"
    return f"{float(value):g}"


print(f"of 0 1 2 3 4 at {places}")
for mode in "nearest", "reflect", "mirror":
    wanted = [f"{ndimage.map_coordinates(line, [[place]], order=1, mode=mode)[0]:g}" for place in places]
    print(f"{mode}: SciPy {' '.join(wanted)}, Keras {' '.join(by_keras(place, mode) for place in places)}")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore case.py > out 2> errors || { cat errors; exit 1; }
cat out
diff out - <<'OUT'
of 0 1 2 3 4 at [-2.25, -0.5, 1.5, 4.5, 6.25]
nearest: SciPy 0 0 1.5 4 4, Keras 0 0 1.5 4 4
reflect: SciPy 1.25 0 1.5 4 2.75, Keras 2.25 0.5 1.5 4 2.75
mirror: SciPy 2.25 0.5 1.5 3.5 1.75, Keras 2.25 0.5 1.5 raises 3.75
OUT
