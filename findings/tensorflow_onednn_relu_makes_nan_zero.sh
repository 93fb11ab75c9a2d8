#!/usr/bin/env bash
# TensorFlow 2.21.0 with oneDNN: in a graph, ReLU after a product and its bias makes 0 of NaN; eagerly it keeps NaN.
#
# Guess, written down before: a network whose weights are NaN gives NaN, in a graph as eagerly, so that a look at the
# output is enough to notice it.
# Outcome: a miss. Grappler fuses MatMul or Conv2D, BiasAdd and Relu (or Relu6) into one operation, and oneDNN's
# computes max(x, 0) in a way that gives 0 for NaN. ReLU alone, a product without bias, leaky ReLU, ELU, tanh and
# sigmoid keep NaN, and so do all of them without oneDNN (TF_ENABLE_ONEDNN_OPTS=0). A generator whose first kernel is
# NaN makes finite images, of its biases alone.
# What follows: look at weights, not only at outputs, to notice a network that is lost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0"
cat > "$folder/case.py" <<'PY'
import numpy as np
import tensorflow as tf

rows = tf.ones((3, 2))
images = tf.ones((1, 8, 8, 2))
dense = tf.Variable(np.full((2, 8), np.nan, "float32"))
kernel = tf.Variable(np.full((3, 3, 2, 8), np.nan, "float32"))
bias = tf.ones(8)
leaky = lambda x: tf.nn.leaky_relu(x, 0.2)
cases = {
    "dense, bias, ReLU": lambda: tf.nn.relu(tf.nn.bias_add(tf.matmul(rows, dense), bias)),
    "convolution, bias, ReLU": lambda: tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, "SAME"), bias)),
    "convolution, bias, ReLU6": lambda: tf.nn.relu6(tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, "SAME"), bias)),
    "convolution, bias, leaky ReLU": lambda: leaky(tf.nn.bias_add(tf.nn.conv2d(images, kernel, 1, "SAME"), bias)),
    "dense, ReLU": lambda: tf.nn.relu(tf.matmul(rows, dense)),
}
for name, case in cases.items():
    print(f"{name}: eager {np.unique(case())}, graph {np.unique(tf.function(case)())}")
PY
cd "$folder"
export TF_CPP_MIN_LOG_LEVEL=3
for onednn in 1 0; do
  echo "TF_ENABLE_ONEDNN_OPTS=$onednn" >> out
  TF_ENABLE_ONEDNN_OPTS=$onednn venv/bin/python case.py >> out 2> errors || { cat errors; exit 1; }
done
cat out
diff out - <<'OUT'
TF_ENABLE_ONEDNN_OPTS=1
dense, bias, ReLU: eager [nan], graph [0.]
convolution, bias, ReLU: eager [nan], graph [0.]
convolution, bias, ReLU6: eager [nan], graph [0.]
convolution, bias, leaky ReLU: eager [nan], graph [nan]
dense, ReLU: eager [nan], graph [nan]
TF_ENABLE_ONEDNN_OPTS=0
dense, bias, ReLU: eager [nan], graph [nan]
convolution, bias, ReLU: eager [nan], graph [nan]
convolution, bias, ReLU6: eager [nan], graph [nan]
convolution, bias, leaky ReLU: eager [nan], graph [nan]
dense, ReLU: eager [nan], graph [nan]
OUT
