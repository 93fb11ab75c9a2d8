#!/usr/bin/env bash
# Keras 3.15.1: `keras.ops.average_pool(padding="same")` counts some of its padding on PyTorch, and none elsewhere.
#
# Guess, written down before: average and maximum pooling with padding "same" are equal on TensorFlow, JAX and PyTorch,
# on sizes that are no multiple of the strides too.
# Outcome: a miss for the average. Of 1, 2, ..., N the windows at the border are other means on PyTorch where the padding
# is not the same on both sides: 7.67 in place of 7.5, as if the last pixel were there twice. Where it is symmetric all
# are equal; the maximum is equal everywhere.
# What follows: a network with `AveragePooling2D(padding="same")` and even windows, or strides, is another on PyTorch.
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

for size, window, strides in ((8, 3, 1), (8, 3, 2), (7, 4, 1)):
    numbers = np.arange(1, size + 1, dtype="float32").reshape(1, size, 1)
    for name in ("average", "max"):
        pooled = ops.convert_to_numpy(getattr(ops, f"{name}_pool")(numbers, window, strides, padding="same"))
        values = " ".join(f"{value:g}" for value in pooled.ravel())
        print(f"{keras.backend.backend()}: {name} of {size} by {window}, strides {strides}: {values}")
PY
cd "$folder"
for backend in tensorflow jax torch; do
  KERAS_BACKEND=$backend CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python case.py 2> errors || { cat errors; exit 1; }
done | tee out
diff out - <<'OUT'
tensorflow: average of 8 by 3, strides 1: 1.5 2 3 4 5 6 7 7.5
tensorflow: max of 8 by 3, strides 1: 2 3 4 5 6 7 8 8
tensorflow: average of 8 by 3, strides 2: 2 4 6 7.5
tensorflow: max of 8 by 3, strides 2: 3 5 7 8
tensorflow: average of 7 by 4, strides 1: 2 2.5 3.5 4.5 5.5 6 6.5
tensorflow: max of 7 by 4, strides 1: 3 4 5 6 7 7 7
jax: average of 8 by 3, strides 1: 1.5 2 3 4 5 6 7 7.5
jax: max of 8 by 3, strides 1: 2 3 4 5 6 7 8 8
jax: average of 8 by 3, strides 2: 2 4 6 7.5
jax: max of 8 by 3, strides 2: 3 5 7 8
jax: average of 7 by 4, strides 1: 2 2.5 3.5 4.5 5.5 6 6.5
jax: max of 7 by 4, strides 1: 3 4 5 6 7 7 7
torch: average of 8 by 3, strides 1: 1.5 2 3 4 5 6 7 7.5
torch: max of 8 by 3, strides 1: 2 3 4 5 6 7 8 8
torch: average of 8 by 3, strides 2: 2 4 6 7.66667
torch: max of 8 by 3, strides 2: 3 5 7 8
torch: average of 7 by 4, strides 1: 1.75 2.5 3.5 4.5 5.5 6.25 6.75
torch: max of 7 by 4, strides 1: 3 4 5 6 7 7 7
OUT
