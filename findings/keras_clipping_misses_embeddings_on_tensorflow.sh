#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: `clipnorm` and `clipvalue` let an embedding's gradient through, up to N times over.
#
# Guess, written down before: with SGD of rate 1 and `clipnorm=1` no weight moves by more than a norm of 1, on any
# backend, an embedding's table included.
# Outcome: a miss. On TensorFlow an embedding's gradient is a list of rows, one for each label of the batch, and it is
# clipped before rows of the same label are added up. A batch of 64 of one class moves its row by 8 with `clipnorm=1` and
# `global_clipnorm=1`, and by 64 with `clipvalue=1`. On JAX and PyTorch all are clipped as they should be.
# What follows: class-conditional networks train with a larger clip than was asked for, the larger the fewer the classes;
# turn such gradients to tensors (`tf.convert_to_tensor`) before `optimizer.apply`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "keras==3.15.1" "tensorflow==2.21.0" "jax==0.10.2" "torch==2.13.0" "numpy>=2,<3"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np

for clip in ("clipnorm", "global_clipnorm", "clipvalue"):
    label = keras.Input((), dtype="int32")
    embedding = keras.layers.Embedding(4, 2, embeddings_initializer="zeros")
    total = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", trainable=False)(embedding(label))
    model = keras.Model(label, total)
    model.compile(keras.optimizers.SGD(1.0, **{clip: 1.0}), "mse")
    model.fit(np.ones(64, "int32"), np.full((64, 1), -1000.0), batch_size=64, verbose=0)
    moved = np.abs(keras.ops.convert_to_numpy(embedding.embeddings))
    size = moved.max() if clip == "clipvalue" else np.linalg.norm(moved)
    print(f"{keras.backend.backend()}: {clip}=1 lets the table move by {size:.3g}")
PY
cd "$folder"
for backend in tensorflow jax torch; do
  KERAS_BACKEND=$backend CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python case.py 2> errors || { cat errors; exit 1; }
done | tee out
diff out - <<'OUT'
tensorflow: clipnorm=1 lets the table move by 8
tensorflow: global_clipnorm=1 lets the table move by 8
tensorflow: clipvalue=1 lets the table move by 64
jax: clipnorm=1 lets the table move by 1
jax: global_clipnorm=1 lets the table move by 1
jax: clipvalue=1 lets the table move by 1
torch: clipnorm=1 lets the table move by 1
torch: global_clipnorm=1 lets the table move by 1
torch: clipvalue=1 lets the table move by 1
OUT
