#!/usr/bin/env bash
# Keras 3.15.1 on JAX: ops.max_pool without strides fails; on TensorFlow and PyTorch it takes those of the pool.
#
# Guess: `keras.ops.max_pool(x, 2)` is `keras.ops.max_pool(x, 2, 2)` with every backend.
# Outcome: a miss. On JAX the size is made one of all axes first, and as the default stride made so a second time.
# What follows: kerasgan's SelfAttention gives the strides.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "keras==3.15.1" "jax[cpu]==0.10.2"
cat > "$folder/case.py" <<'PY'
import numpy as np
from keras import ops

x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
print("with strides:", np.ravel(ops.max_pool(x, 2, 2)))
for pool in (ops.max_pool, ops.average_pool):
    try:
        print("without:", np.ravel(pool(x, 2)))
    except TypeError as error:
        print(f"{pool.__name__} without:", str(error).split(":")[0])
PY
cd "$folder"
KERAS_BACKEND=jax "$folder/venv/bin/python" case.py > "$folder/out"
cat "$folder/out"
diff "$folder/out" - <<'OUT'
with strides: [ 5.  7. 13. 15.]
max_pool without: reduce_window got inconsistent window_strides and window_dimensions
average_pool without: reduce_window got inconsistent window_strides and window_dimensions
OUT
