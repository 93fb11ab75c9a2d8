#!/usr/bin/env bash
# Keras 3.15.1: `keras.ops.image.gaussian_blur` blurs along rows alone on JAX and PyTorch.
#
# Guess, written down before: the operations of `keras.ops.image`, `gaussian_blur` among them, compute the same on
# TensorFlow, JAX and PyTorch, to 1e-5.
# Outcome: a miss. On TensorFlow the blur of one bright pixel is SciPy's, and keeps its sum. On JAX and PyTorch the rows
# above and below stay empty: of one channel only the middle row of the kernel is there, and images become darker.
# What follows: blur with a depthwise convolution of your own where the backend may be another.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "keras==3.15.1" "tensorflow==2.21.0" "jax==0.10.2" "torch==2.13.0" "scipy>=1.13" "numpy>=2,<3"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np
from keras import ops
from scipy import ndimage

weights = np.exp(-0.5 * np.array([-1.0, 0.0, 1.0]) ** 2)
weights /= weights.sum()
pixel = np.zeros((1, 7, 7, 1), "float32")
pixel[0, 3, 3, 0] = 1.0
blurred = ops.convert_to_numpy(ops.image.gaussian_blur(pixel, (3, 3), (1.0, 1.0)))[0, :, :, 0]
wanted = ndimage.convolve(pixel[0, :, :, 0], np.outer(weights, weights), mode="constant")
noise = np.random.default_rng(0).uniform(size=(1, 32, 32, 3)).astype("float32")
after = ops.convert_to_numpy(ops.image.gaussian_blur(noise, (3, 3), (1.0, 1.0)))
print(
    f"{keras.backend.backend()}: SciPy's: {np.allclose(blurred, wanted, atol=1e-6)}, the pixel's column",
    *(f"{value:.3f}" for value in blurred[2:5, 3]), "and row", *(f"{value:.3f}" for value in blurred[3, 2:5]),
    f"sum {blurred.sum():.3f}, mean of noise {noise.mean():.2f} and then {after.mean():.2f}",
)
PY
cd "$folder"
for backend in tensorflow jax torch; do
  KERAS_BACKEND=$backend CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python case.py 2> errors || { cat errors; exit 1; }
done | tee out
diff out - <<'OUT'
tensorflow: SciPy's: True, the pixel's column 0.124 0.204 0.124 and row 0.124 0.204 0.124 sum 1.000, mean of noise 0.50 and then 0.48
jax: SciPy's: False, the pixel's column 0.000 0.204 0.000 and row 0.124 0.204 0.124 sum 0.452, mean of noise 0.50 and then 0.40
torch: SciPy's: False, the pixel's column 0.000 0.204 0.000 and row 0.124 0.204 0.124 sum 0.452, mean of noise 0.50 and then 0.40
OUT
