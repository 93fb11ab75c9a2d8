#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: LossScaleOptimizer looks for an overflow in the first replica's gradients alone.
#
# Guess, written down before: under `MirroredStrategy` a gradient that overflows in float16 on any replica is found, the
# step is skipped on all and the scale halved, as without a strategy; Keras's comment at the place says that each replica
# has computed the same answer, since gradients are summed before.
# Outcome: a miss. They are summed after it. An overflow on the first of two replicas is skipped; one on the second is
# added to the weights of both, which are infinite from then on, and the scale stays.
# What follows: sum, or agree, before `optimizer.apply`, or train in bfloat16 on several devices.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np
import tensorflow as tf

[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
for strategy in tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]):
    for row in 0, 1:  # a replica has one row each
        rows, targets = np.ones((2, 4), "float32"), np.full((2, 1), 3.9, "float32")
        rows[row], targets[row] = 300, 0
        with strategy.scope():
            half = keras.layers.Dense(1, dtype="mixed_float16", kernel_initializer="ones", input_shape=(4,))
            model = keras.Sequential([half])
            optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-3), initial_scale=256)
            model.compile(optimizer, "mse")
        model.fit(tf.data.Dataset.from_tensors((rows, targets)), verbose=0)
        weight, scale = half.kernel.numpy()[0, 0], optimizer.dynamic_scale.numpy()
        print(f"{type(strategy).__name__}, overflow in row {row}: weight {weight:g}, scale {scale:g}")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore case.py > out 2> errors || { cat errors; exit 1; }
cat out
diff out - <<'OUT'
_DefaultDistributionStrategy, overflow in row 0: weight 1, scale 128
_DefaultDistributionStrategy, overflow in row 1: weight 1, scale 128
MirroredStrategy, overflow in row 0: weight 1, scale 128
MirroredStrategy, overflow in row 1: weight -inf, scale 256
OUT
