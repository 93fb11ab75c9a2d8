#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: the weights of `ScheduleFreeAdamW` do not depend on beta_1; on JAX 0.10.2 they do.
#
# Guess, written down before: on every backend weights in training are y = (1 - beta_1) z + beta_1 x of Schedule-Free
# learning (Defazio et al. 2024, arXiv:2405.15682, equations 3 to 5), z moved by the gradients and x the mean of the z.
# With a gradient of 1 throughout z falls by the learning rate a step: after 100 steps of 0.01 z = -1, x = -0.505, and
# y = -0.5545 for beta_1 = 0.9, -0.7525 for 0.5.
# Outcome: a miss. On TensorFlow y is x, -0.505 whatever beta_1 is, in a compiled step as eagerly. The old z that y is
# taken apart with is read from the variable after it has moved. On JAX, whose values do not move, all is as guessed.
# What follows: on TensorFlow this is the method with beta_1 = 1, the gradients taken at the mean; write the step anew
# where another is wanted.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1" "jax==0.10.2"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np


def weight(beta_1, compiled):
    """The weight after 100 steps in which it has the gradient 1."""
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((1,)), dense])
    optimizer = keras.optimizers.ScheduleFreeAdamW(0.01, beta_1=beta_1)
    model.compile(optimizer, lambda wanted, made: made, run_eagerly=not compiled)
    model.fit(np.ones((100, 1), "float32"), np.ones((100, 1), "float32"), batch_size=1, verbose=0)
    return keras.ops.convert_to_numpy(dense.kernel)[0, 0]


for compiled in True, False:
    weights = ", ".join(f"{weight(beta_1, compiled):.4f} with beta_1 = {beta_1}" for beta_1 in (0.9, 0.5))
    print(f"{keras.backend.backend()}, {'compiled' if compiled else 'eager'}: {weights}")
PY
cd "$folder"
for backend in jax tensorflow; do
  KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore case.py >> out 2> errors || { cat errors; exit 1; }
done
cat out
diff out - <<'OUT'
jax, compiled: -0.5545 with beta_1 = 0.9, -0.7525 with beta_1 = 0.5
jax, eager: -0.5545 with beta_1 = 0.9, -0.7525 with beta_1 = 0.5
tensorflow, compiled: -0.5050 with beta_1 = 0.9, -0.5050 with beta_1 = 0.5
tensorflow, eager: -0.5050 with beta_1 = 0.9, -0.5050 with beta_1 = 0.5
OUT
