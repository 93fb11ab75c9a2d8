#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: the gradient of a gradient through batch norm is wrong, without an error.
#
# Guess, written down before: where `synchronized=False` takes the place of `synchronized=True` in one process, a gradient
# penalty on a critic with batch norm has the same gradient, in float64 to many digits.
# Outcome: a miss. `keras.ops.moments` is `tf.nn.moments`, which holds the mean constant inside the variance: the first
# derivative is right, as that part of it is 0, and the second lacks a term. It is a finite difference with
# `synchronized=True`, and with the operation FusedBatchNormV3 of TensorFlow.
# What follows: WGAN-GP's penalty, R1 and every Hessian through Keras's batch norm on TensorFlow need another variance.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(0)
rows, upstream, weights, way = (rng.normal(size=(6, 3)) for _ in range(4))


def first(layer, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x, training=True) * upstream)
    return loss, tape.gradient(loss, x)


def along(function, size=1e-6):
    """The derivative of a function along `way`, from two of its values."""
    ahead, behind = (float(function(tf.constant(rows + sign * size * way))) for sign in (1, -1))
    return (ahead - behind) / (2 * size)


def said(found, wanted):
    error = abs(found / wanted - 1)
    return "right" if error < 1e-6 else "off by more than 1 %" if error > 0.01 else "off"


for synchronized in (False, True):
    layer = keras.layers.BatchNormalization(synchronized=synchronized, dtype="float64")
    layer.build(rows.shape)
    x = tf.constant(rows)
    with tf.GradientTape() as tape:
        tape.watch(x)
        _, gradient = first(layer, x)
        penalty = tf.reduce_sum(weights * gradient**2)
    second = tape.gradient(penalty, x)
    words = (
        said(np.sum(gradient * way), along(lambda x: first(layer, x)[0])),
        said(np.sum(second * way), along(lambda x: tf.reduce_sum(weights * first(layer, x)[1] ** 2))),
    )
    print(f"synchronized={synchronized}: first derivative {words[0]}, second {words[1]}")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore case.py > out 2> errors || { cat errors; exit 1; }
cat out
diff out - <<'OUT'
synchronized=False: first derivative right, second off by more than 1 %
synchronized=True: first derivative right, second right
OUT
