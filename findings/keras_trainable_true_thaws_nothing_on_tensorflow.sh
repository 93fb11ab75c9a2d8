#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: `model.trainable = True` thaws no layer of a model that was not frozen as a whole.
#
# Guess, written down before: it thaws all layers on every backend, as its docstring says ("for the layer and its
# sublayers"), those too that were frozen one by one, as one does before fine-tuning the rest.
# Outcome: a miss. On TensorFlow the assignment is dropped where the model's own value is True already (TensorFlow's
# objects skip setting an attribute to the object that it is), so frozen layers stay frozen; `compile` and `fit` go on
# without them. On JAX and PyTorch they are thawed. `model.trainable = False` before it, or a loop over the layers,
# thaws them everywhere. The same assignment of False is dropped too: layers thawed under a frozen model stay thawed.
# What follows: freeze and thaw by layers, or look at `trainable_variables`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  "keras==3.15.1" "tensorflow==2.21.0" "jax==0.10.2" "torch==2.13.0" "numpy>=2,<3"
cat > "$folder/case.py" <<'PY'
import keras

inputs = keras.Input((2,))
layers = [keras.layers.Dense(2) for _ in range(3)]
model = keras.Model(inputs, layers[2](layers[1](layers[0](inputs))))


def told(what):
    print(f"{keras.backend.backend()}: {what}: {[layer.trainable for layer in layers]}")


layers[0].trainable = layers[1].trainable = False
model.trainable = True
told("two frozen, then the model True")
model.trainable = False
told("the model False")
layers[0].trainable = True
model.trainable = False
told("one thawed, then the model False")
model.trainable = True
told("the model True")
PY
cd "$folder"
for backend in tensorflow jax torch; do
  KERAS_BACKEND=$backend CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python case.py 2> errors || { cat errors; exit 1; }
done | tee out
diff out - <<'OUT'
tensorflow: two frozen, then the model True: [False, False, True]
tensorflow: the model False: [False, False, False]
tensorflow: one thawed, then the model False: [True, False, False]
tensorflow: the model True: [True, True, True]
jax: two frozen, then the model True: [True, True, True]
jax: the model False: [False, False, False]
jax: one thawed, then the model False: [False, False, False]
jax: the model True: [True, True, True]
torch: two frozen, then the model True: [True, True, True]
torch: the model False: [False, False, False]
torch: one thawed, then the model False: [False, False, False]
torch: the model True: [True, True, True]
OUT
