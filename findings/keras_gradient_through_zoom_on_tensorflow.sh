#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: gradients through `RandomZoom` and its like are those of another function.
#
# Guess, written down before: a picture that is resampled bilinearly is linear in the picture, and the gradient through
# such a layer is the transpose of that map, on every backend. Of 16 by 16 pixels that are shown twice as large a pixel in
# the middle covers an area of four: the sum of what is shown has the gradient 4 there. Shown at half the size it is 0.25.
# Outcome: a miss. On JAX 0.10.2 it is so. On TensorFlow both are 1: the gradient is resampled with the inverse map, which
# is the transpose only where pixels are moved about and keep their size.
# What follows: a generator that learns through a critic's `RandomZoom`, `RandomShear` or `ops.image.affine_transform`
# has wrong gradients on TensorFlow, without a word; resample by `gather`, or as two matrix products.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1" "jax==0.10.2"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np

PICTURE = np.random.default_rng(0).uniform(size=(1, 16, 16, 1)).astype("float32")
PLACES = {"in the middle": (0, 8, 8, 0), "in the corner": (0, 0, 0, 0)}


def shown(zoom, picture):
    return keras.ops.sum(zoom(picture, training=True))


def gradient(zoom):
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(lambda picture: shown(zoom, picture))(PICTURE))
    import tensorflow as tf

    picture = tf.constant(PICTURE)
    with tf.GradientTape() as tape:
        tape.watch(picture)
        total = shown(zoom, picture)
    return tape.gradient(total, picture).numpy()


for name, factor in {"twice as large": -0.5, "half as large": 1.0}.items():
    zoom = keras.layers.RandomZoom((factor, factor), fill_mode="constant")
    for where, place in PLACES.items():
        moved = PICTURE.copy()
        moved[place] += 1
        change = float(shown(zoom, moved)) - float(shown(zoom, PICTURE))
        print(f"{keras.backend.backend()}, {name}, a pixel {where}: a change of 1 shows as {change:.2f}, "
              f"its gradient is {gradient(zoom)[place]:.2f}")
PY
cd "$folder"
for backend in jax tensorflow; do
  KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore case.py >> out 2> errors || { cat errors; exit 1; }
done
cat out
diff out - <<'OUT'
jax, twice as large, a pixel in the middle: a change of 1 shows as 4.00, its gradient is 4.00
jax, twice as large, a pixel in the corner: a change of 1 shows as 0.00, its gradient is 0.00
jax, half as large, a pixel in the middle: a change of 1 shows as 0.25, its gradient is 0.25
jax, half as large, a pixel in the corner: a change of 1 shows as 0.25, its gradient is 0.25
tensorflow, twice as large, a pixel in the middle: a change of 1 shows as 4.00, its gradient is 1.00
tensorflow, twice as large, a pixel in the corner: a change of 1 shows as 0.00, its gradient is 0.00
tensorflow, half as large, a pixel in the middle: a change of 1 shows as 0.25, its gradient is 1.00
tensorflow, half as large, a pixel in the corner: a change of 1 shows as 0.25, its gradient is 1.00
OUT
