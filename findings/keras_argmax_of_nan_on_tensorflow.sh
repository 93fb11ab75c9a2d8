#!/usr/bin/env bash
# Keras 3.15.1: `argmax`, `argmin`, `sort` and `softmax` of a row with NaN are others on TensorFlow than on JAX and PyTorch.
#
# Guess, written down before: `max`, `argmin`, `sort`, `top_k` and their like treat NaN alike on TensorFlow, JAX and
# PyTorch.
# Outcome: a miss. `argmax` and `argmin` point at the NaN on JAX and PyTorch, as NumPy's do, and pass over it on
# TensorFlow's CPU, where it is an answer like any other; `sort` puts NaN last there, first or in the middle here; and
# `softmax` makes a whole row NaN there, while here it gives zeros beside one NaN. `max`, `relu` and `clip` are alike.
# What follows: a classifier whose logits are NaN counts samples of real classes on TensorFlow; ask `ops.isfinite` first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "keras==3.15.1" "tensorflow==2.21.0" "jax==0.10.2" "torch==2.13.0" "numpy>=2,<3"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np
from keras import ops

row = np.array([1.0, np.nan, 3.0, 2.0], "float32")
for name in ("max", "argmax", "argmin", "sort", "softmax", "relu"):
    values = np.ravel(ops.convert_to_numpy(getattr(ops, name)(row)))
    print(f"{keras.backend.backend()}: {name}", *(f"{value:g}" for value in values))
PY
cd "$folder"
for backend in tensorflow jax torch; do
  KERAS_BACKEND=$backend CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python case.py 2> errors || { cat errors; exit 1; }
done | tee out
diff out - <<'OUT'
tensorflow: max nan
tensorflow: argmax 2
tensorflow: argmin 0
tensorflow: sort 1 nan 2 3
tensorflow: softmax 0 nan 0 0
tensorflow: relu 1 nan 3 2
jax: max nan
jax: argmax 1
jax: argmin 1
jax: sort 1 2 3 nan
jax: softmax nan nan nan nan
jax: relu 1 nan 3 2
torch: max nan
torch: argmax 1
torch: argmin 1
torch: sort 1 2 3 nan
torch: softmax nan nan nan nan
torch: relu 1 nan 3 2
OUT
