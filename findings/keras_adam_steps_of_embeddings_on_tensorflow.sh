#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: Adam moves an embedding sqrt(N) times too far where N rows of a batch have one label.
#
# Guess, written down before: Adam's first step moves every weight that has a gradient by the learning rate, whatever the
# gradient's size, on every backend; an embedding's table included.
# Outcome: a miss. On TensorFlow an embedding's gradient is a list of rows, and Adam's second moment is the sum of the
# rows' squares instead of the square of their sum. In a batch of 64 of one label the row moves by 8 learning rates; with
# ten labels it is some 2.5. RMSprop, Adagrad, Adadelta, Nadam, AdamW and Lamb do so too, SGD, Adamax and Lion do not. On
# JAX and PyTorch every step is right.
# What follows: class embeddings of conditional networks, and tokens that are often in a batch, train at several times
# the learning rate; turn such gradients to tensors (`tf.convert_to_tensor`) before `optimizer.apply`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "keras==3.15.1" "tensorflow==2.21.0" "jax==0.10.2" "torch==2.13.0" "numpy>=2,<3"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np

print(f"{keras.backend.backend()}:", end="")
for name in ("Adam", "RMSprop", "Adagrad", "Nadam", "Lamb", "Adamax", "Lion"):
    moved = []
    for rows in (1, 64):
        label = keras.Input((), dtype="int32")
        embedding = keras.layers.Embedding(4, 2, embeddings_initializer="zeros")
        total = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", trainable=False)(embedding(label))
        model = keras.Model(label, total)
        model.compile(getattr(keras.optimizers, name)(0.01), "mse")
        model.fit(np.ones(rows, "int32"), np.full((rows, 1), -1000.0), batch_size=rows, verbose=0)
        moved.append(keras.ops.convert_to_numpy(embedding.embeddings)[1, 0])
    print(f" {name} {moved[1] / moved[0]:.3g}", end="")
print(" times the step of one row")
PY
cd "$folder"
for backend in tensorflow jax torch; do
  KERAS_BACKEND=$backend CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python case.py 2> errors || { cat errors; exit 1; }
done | tee out
diff out - <<'OUT'
tensorflow: Adam 8 RMSprop 8 Adagrad 8 Nadam 8 Lamb 8 Adamax 1 Lion 1 times the step of one row
jax: Adam 1 RMSprop 1 Adagrad 1 Nadam 1 Lamb 1 Adamax 1 Lion 1 times the step of one row
torch: Adam 1 RMSprop 1 Adagrad 1 Nadam 1 Lamb 1 Adamax 1 Lion 1 times the step of one row
OUT
