#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: `keras.ops.std` of float16 is infinite where the numbers' sum is above 65,504.
#
# Guess, written down before: `ops.mean`, `var` and `std` of 10,000 float16 numbers around 100 are NumPy's of float64 to
# 1%, on TensorFlow, JAX and PyTorch, as they are added up in a wider type.
# Outcome: a miss for `std` on TensorFlow, whose `reduce_std` adds up in float16: infinite, of a thousand numbers already.
# `ops.mean` and `ops.var` of the same numbers are right, and so is the root of `ops.var`.
# What follows: in mixed precision take the root of `ops.var`, for minibatch statistics and the like.
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

numbers = (100 + np.random.default_rng(0).normal(size=10_000)).astype("float16")
for count in (600, 1000, 10_000):
    some = numbers[:count]
    found = [float(function(some)) for function in (ops.mean, ops.var, ops.std)]
    wanted = [float(function(some.astype("float64"))) for function in (np.mean, np.var, np.std)]
    agree = [f"{value:.3f}" if abs(value - right) > 0.01 * right else "right" for value, right in zip(found, wanted)]
    print(f"{keras.backend.backend()}, {count} numbers: mean {agree[0]}, var {agree[1]}, std {agree[2]}")
PY
cd "$folder"
for backend in tensorflow jax torch; do
  KERAS_BACKEND=$backend CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python case.py 2> errors || { cat errors; exit 1; }
done | tee out
diff out - <<'OUT'
tensorflow, 600 numbers: mean right, var right, std right
tensorflow, 1000 numbers: mean right, var right, std inf
tensorflow, 10000 numbers: mean right, var right, std inf
jax, 600 numbers: mean right, var right, std right
jax, 1000 numbers: mean right, var right, std right
jax, 10000 numbers: mean right, var right, std right
torch, 600 numbers: mean right, var right, std right
torch, 1000 numbers: mean right, var right, std right
torch, 10000 numbers: mean right, var right, std right
OUT
