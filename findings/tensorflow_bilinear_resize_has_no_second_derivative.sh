#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: a penalty on gradients through bilinear resizing trains no layer after it, unsaid.
#
# Guess, written down before: resizing is linear, so the gradient in the picture is a linear map of the layers after it,
# and a penalty on its norm, as WGAN-GP's and R1, has a gradient in their weights. With a `Dense` of one unit w after the
# layer J it is 2 J J^T w. Where TensorFlow cannot do it, it raises, as for "nearest" and "bicubic":
# "gradient registry has no entry for: ResizeBicubicGrad".
# Outcome: a miss. On JAX 0.10.2 all is as guessed. On TensorFlow "nearest" and "bicubic" raise; "bilinear", the default
# of `Resizing`, gives the penalty, and None for its gradient. With layers before it in the critic these go on training
# against the penalty, those after it do not, and nothing warns.
# What follows: a critic with a penalty shrinks by `AveragePooling2D` and grows by `UpSampling2D` ("nearest", which Keras
# writes as a repetition), or its pictures are resized before they come to it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1" "jax==0.10.2"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np

BACKEND = keras.backend.backend()
PICTURE = np.random.default_rng(0).uniform(size=(1, 8, 8, 1)).astype("float32")
WEIGHTS = np.random.default_rng(1).normal(size=(1, 4, 4, 1)).astype("float32")


def gradient_of_penalty(layer):
    """That of |gradient of sum(w * layer(picture)) in the picture|^2, in w."""

    def score(picture, weights):
        return keras.ops.sum(weights * layer(picture))

    if BACKEND == "jax":
        import jax

        return jax.grad(lambda w: keras.ops.sum(jax.grad(score)(PICTURE, w) ** 2))(WEIGHTS)
    import tensorflow as tf

    picture, weights = tf.constant(PICTURE), tf.constant(WEIGHTS)
    with tf.GradientTape() as outer:
        outer.watch(weights)
        with tf.GradientTape() as inner:
            inner.watch(picture)
            value = score(picture, weights)
        penalty = keras.ops.sum(inner.gradient(value, picture) ** 2)
    return outer.gradient(penalty, weights)


def matrix(layer):
    """The map of pictures, from those of one pixel each."""
    pixels = np.eye(64, dtype="float32").reshape(64, 8, 8, 1)
    return np.asarray(keras.ops.convert_to_numpy(layer(pixels)), "float64").reshape(64, 16)


for name in "bilinear", "nearest", "bicubic", "average pooling":
    resize = keras.layers.AveragePooling2D(2) if name == "average pooling" else keras.layers.Resizing(4, 4, name)
    right = 2 * matrix(resize).T @ matrix(resize) @ WEIGHTS.ravel()
    try:
        found = gradient_of_penalty(resize)
        told = "None" if found is None else f"right: {np.allclose(np.ravel(found), right, atol=1e-4)}"
    except LookupError as error:
        told = f"LookupError, {error}"
    print(f"{BACKEND}, {name}: the gradient is {told}")
PY
cd "$folder"
for backend in jax tensorflow; do
  KERAS_BACKEND=$backend TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore case.py >> out 2> errors || { cat errors; exit 1; }
done
cat out
diff out - <<'OUT'
jax, bilinear: the gradient is right: True
jax, nearest: the gradient is right: True
jax, bicubic: the gradient is right: True
jax, average pooling: the gradient is right: True
tensorflow, bilinear: the gradient is None
tensorflow, nearest: the gradient is LookupError, gradient registry has no entry for: ResizeNearestNeighborGrad
tensorflow, bicubic: the gradient is LookupError, gradient registry has no entry for: ResizeBicubicGrad
tensorflow, average pooling: the gradient is right: True
OUT
