#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: a frozen attention layer trains again once its model is loaded or cloned.
#
# Guess, written down before: a layer that is frozen when a model is saved is frozen in the loaded model, whichever layer
# it is.
# Outcome: a miss for `MultiHeadAttention` and `GroupQueryAttention`: they say `trainable=False`, but the projections
# inside, which are made when the layer is built, are trained, in a clone too. Bidirectional, LSTM, TimeDistributed and
# SpectralNormalization stay frozen. An optimizer saved with the model has other variables then, and starts anew with no
# more than a warning.
# What follows: after loading set `trainable` of such layers to True and to False again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1"
cat > "$folder/case.py" <<'PY'
import keras
from keras import layers

made = {
    "MultiHeadAttention": lambda x, name: layers.MultiHeadAttention(2, 4, name=name)(x, x),
    "GroupQueryAttention": lambda x, name: layers.GroupQueryAttention(4, 2, 2, name=name)(x, x),
    "Bidirectional": lambda x, name: layers.Bidirectional(layers.LSTM(3), name=name)(x),
    "TimeDistributed": lambda x, name: layers.TimeDistributed(layers.Dense(3), name=name)(x),
    "SpectralNormalization": lambda x, name: layers.SpectralNormalization(layers.Dense(3), name=name)(x),
}
for name, make in made.items():
    inputs = keras.Input((6, 8))
    model = keras.Model(inputs, make(inputs, "frozen"))
    model.get_layer("frozen").trainable = False
    model.save("model.keras")
    loaded, cloned = keras.saving.load_model("model.keras"), keras.models.clone_model(model)
    says = loaded.get_layer("frozen").trainable
    counts = [len(one.trainable_variables) for one in (model, loaded, cloned)]
    print(f"{name}: trainable={says}; trained variables: saved {counts[0]}, loaded {counts[1]}, cloned {counts[2]}")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore case.py > out 2> errors || { cat errors; exit 1; }
cat out
diff out - <<'OUT'
MultiHeadAttention: trainable=False; trained variables: saved 0, loaded 8, cloned 8
GroupQueryAttention: trainable=False; trained variables: saved 0, loaded 8, cloned 8
Bidirectional: trainable=False; trained variables: saved 0, loaded 0, cloned 0
TimeDistributed: trainable=False; trained variables: saved 0, loaded 0, cloned 0
SpectralNormalization: trainable=False; trained variables: saved 0, loaded 0, cloned 0
OUT
