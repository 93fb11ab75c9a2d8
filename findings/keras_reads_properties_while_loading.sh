#!/usr/bin/env bash
# Keras 3.15.1 reads every property of a subclassed model while it saves weights and while it loads them.
#
# Guess, written down before: a property of a keras.Model is read by the program's own code alone, so one that
# computes something from the weights (a cache made on first use, statistics taken anew) sees them all or none.
# Outcome: a miss. Saving and loading walk dir(model) in alphabetical order and take getattr of each name. A property
# is read once in the middle of loading, where the layers before its name have their weights and those after it do
# not yet, so what it computes and keeps is of no network that ever was; and an error that it raises is swallowed.
# What follows: no property of a model may have a side effect or keep what it computes from weights.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "keras==3.15.1" "tensorflow==2.21.0"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np

seen = []


class Pair(keras.Model):
    def __init__(self):
        super().__init__()
        self.a_layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        self.z_layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
        self.a_layer.build((None, 1))
        self.z_layer.build((None, 1))
        self.built = True

    def call(self, x):
        return self.z_layer(self.a_layer(x))

    @property
    def between(self):
        seen.append(tuple(float(layer.kernel.numpy()[0, 0]) for layer in (self.a_layer, self.z_layer)))

    @property
    def refuses(self):
        raise RuntimeError("nobody hears this")


model = Pair()
model.set_weights([np.ones((1, 1)), np.ones((1, 1))])
print("after set_weights:", seen)
model.save_weights("pair.weights.h5")
print("after save_weights:", seen)
seen.clear()
Pair().load_weights("pair.weights.h5")
print("after load_weights:", seen)
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" case.py 2> "$folder/errors" > "$folder/out" || { cat "$folder/errors"; exit 1; }
cat "$folder/out"
diff "$folder/out" - <<'OUT'
after set_weights: []
after save_weights: [(1.0, 1.0)]
after load_weights: [(1.0, 0.0)]
OUT
