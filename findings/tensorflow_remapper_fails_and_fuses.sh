#!/usr/bin/env bash
# TensorFlow 2.21.0: the error "remapper failed" of a training step with leaky ReLU costs no fused operation.
#
# Guess, written down before: where TensorFlow logs that its remapper failed, the step runs without fused operations,
# and so slower; and a convolution, its bias and a leaky ReLU are fused, or left, alike for batches of any size.
# Outcome: a miss, twice. With rows that are not known the remapper takes a bias away that the gradient of leaky ReLU
# still needs, and logs an error; with rows that are known it does not, nor with ReLU. All the same both convolutions
# of the step are fused with what follows them, as an earlier pass of the remapper had done it.
# What follows: the line alone is no reason to change a network; look at the operations that ran. In residual networks
# it may mean that none is fused: tensorflow_sum_of_branches_ends_fusing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1" "numpy>=2,<3"
cat > "$folder/case.py" <<'PY'
import sys

import tensorflow as tf

tf.compat.v1.disable_eager_execution()
name, rows = sys.argv[1:]
weights = [tf.compat.v1.get_variable(f"kernel_{i}", (3, 3, 4, 4), initializer=tf.ones_initializer()) for i in (0, 1)]
bias = tf.compat.v1.get_variable("bias", 4, initializer=tf.ones_initializer())


def layer(x, kernel, activation):
    return activation(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias))


x = tf.compat.v1.placeholder(tf.float32, (2 if rows == "known" else None, 8, 8, 4))
y = layer(layer(x, weights[0], tf.nn.relu), weights[1], getattr(tf.nn, name))
gradients = tf.gradients(tf.reduce_sum(y), weights)
ran = tf.compat.v1.RunMetadata()
with tf.compat.v1.Session() as session:
    session.run(tf.compat.v1.global_variables_initializer())
    options = tf.compat.v1.RunOptions(output_partition_graphs=True)
    session.run(gradients, {x: [[[[1.0] * 4] * 8] * 8] * 2}, options, ran)
nodes = [node for graph in ran.partition_graphs for node in graph.node if "FusedConv2D" in node.op]
fused = sorted("+".join(text.decode() for text in node.attr["fused_ops"].list.s) for node in nodes)
print(f"{name}, {rows} rows: convolutions fused with {' and '.join(fused)}")
PY
cd "$folder"
for case in "relu known" "relu unknown" "leaky_relu known" "leaky_relu unknown"; do
  # shellcheck disable=SC2086
  TF_ENABLE_ONEDNN_OPTS=1 CUDA_VISIBLE_DEVICES= venv/bin/python case.py $case 2> errors || { cat errors; exit 1; }
  grep -o "remapper failed" errors || true
done | tee out
diff out - <<'OUT'
relu, known rows: convolutions fused with BiasAdd+Relu and BiasAdd+Relu
relu, unknown rows: convolutions fused with BiasAdd+Relu and BiasAdd+Relu
leaky_relu, known rows: convolutions fused with BiasAdd and BiasAdd+Relu
leaky_relu, unknown rows: convolutions fused with BiasAdd and BiasAdd+Relu
remapper failed
OUT
