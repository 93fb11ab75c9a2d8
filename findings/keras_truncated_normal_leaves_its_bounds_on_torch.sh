#!/usr/bin/env bash
# Keras 3.15.1 on PyTorch 2.13.0: `keras.random.truncated_normal` gives numbers beyond two standard deviations.
#
# Guess, written down before: no number is beyond two standard deviations on any backend, however many are drawn.
# Outcome: a miss. On PyTorch each number is the first of four normal ones that is within the bounds, and where none is,
# the first as it is: some 5 in a million (0.0455 to the fourth power is 4.3e-6) are beyond, up to 3 or more. On
# TensorFlow and JAX there are none.
# What follows: clip latents that must be truncated (a batch of 64 of 128 numbers has one in 30 times), and initial
# weights where a bound matters.
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

numbers = np.abs(ops.convert_to_numpy(keras.random.truncated_normal((4_000_000,), seed=0)))
beyond, largest = int((numbers > 2).sum()), numbers.max()
kind = "none" if beyond == 0 else "some 20" if 10 <= beyond <= 35 else f"{beyond}"
print(f"{keras.backend.backend()}: {kind} of 4,000,000 beyond 2; largest {'above 2.5' if largest > 2.5 else 'at most 2'}")
PY
cd "$folder"
for backend in tensorflow jax torch; do
  KERAS_BACKEND=$backend CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python case.py 2> errors || { cat errors; exit 1; }
done | tee out
diff out - <<'OUT'
tensorflow: none of 4,000,000 beyond 2; largest at most 2
jax: none of 4,000,000 beyond 2; largest at most 2
torch: some 20 of 4,000,000 beyond 2; largest above 2.5
OUT
