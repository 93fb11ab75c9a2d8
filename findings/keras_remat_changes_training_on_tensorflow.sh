#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: layers made in `keras.RematScope` are trained otherwise than without it.
#
# Guess, written down before: rematerialization trades time for memory and nothing else. A layer that is computed again
# for the gradient draws the same random numbers, and does not update its statistics again; in a compiled step as
# eagerly.
# Outcome: a miss. Eagerly, batch norm's moving mean takes two steps towards the batch in one (0.75 of the way with
# momentum 0.5), and dropout's gradient has a mask of its own, which agrees with the forward pass's for half of the
# numbers. A compiled step raises, as the layers are called with `training=`.
# What follows: no `RematScope` around batch norm, dropout or anything else that takes `training`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1"
cat > "$folder/case.py" <<'PY'
import contextlib

import keras
import tensorflow as tf
from keras import layers

for scope in contextlib.nullcontext, lambda: keras.RematScope(mode="full"):
    with scope():
        norm, drop = layers.BatchNormalization(momentum=0.5), layers.Dropout(0.5, seed=1)
    for model, rows in (keras.Sequential([norm]), tf.ones((8, 1))), (keras.Sequential([drop]), tf.ones((1, 1000))):
        def step():
            with tf.GradientTape() as tape:
                tape.watch(rows)
                made = model(rows, training=True)
            return made, tape.gradient(made, rows)

        made, gradient = step()
        if model.layers == [norm]:
            print(f"moving mean of ones after a step: {norm.moving_mean.numpy()[0]:g}")
        else:
            agree = float(tf.reduce_mean(tf.cast((made > 0) == (gradient > 0), "float32")))
            print(f"the gradient has the mask of the forward pass: {'yes' if agree == 1 else f'for about {agree:.1f}'}")
        try:
            tf.function(step)()
            print("compiled: runs")
        except ValueError as error:
            [line] = [line for line in str(error).splitlines() if "custom_gradient" in line]
            print("compiled: raises,", line.replace("\033[1m", "").replace("\033[0m", "").strip())
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore case.py > out 2> errors || { cat errors; exit 1; }
cat out
diff out - <<'OUT'
moving mean of ones after a step: 0.5
compiled: runs
the gradient has the mask of the forward pass: yes
compiled: runs
moving mean of ones after a step: 0.75
compiled: raises, The custom_gradient decorator currently supports keywords arguments only when eager execution is enabled.
the gradient has the mask of the forward pass: for about 0.5
compiled: raises, The custom_gradient decorator currently supports keywords arguments only when eager execution is enabled.
OUT
