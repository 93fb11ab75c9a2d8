#!/usr/bin/env bash
# TensorFlow 2.21.0, Keras 3.15.1, ai-edge-litert 2.3.0: a Keras 3 model given to the converter as what tracks the
# variables is converted without their values, and LiteRT computes with whatever is in memory.
#
# Guess, written down before: `TFLiteConverter.from_concrete_functions([function], model)`, with the model as the
# `trackable_obj` that its documentation asks for, makes a file with the weights in it; and if it does not, converter or
# runtime say so.
# Outcome: a miss, twice. The file has variables that nothing sets, where `from_concrete_functions([function])`,
# `from_keras_model` and a model's own `export` put the weights in. XNNPACK, the default delegate, answers without a word
# with numbers such as 1e30 or NaN; the same file without delegates raises ("variable != nullptr was not true").
# What follows: give the converter no `trackable_obj` with a Keras 3 model in it, and compare what a file computes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0" "keras==3.15.1" "ai-edge-litert==2.3.0"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(4)])
rows = np.random.default_rng(0).normal(size=(1, 8)).astype("float32")
function = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((1, 8)))
converter = tf.lite.TFLiteConverter
files = {
    "from_keras_model": converter.from_keras_model(model),
    "from_concrete_functions, nothing that tracks": converter.from_concrete_functions([function]),
    "from_concrete_functions, the model tracks": converter.from_concrete_functions([function], model),
}
for name, each in files.items():
    content = each.convert()
    for resolver in (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
        runtime = Interpreter(model_content=content, experimental_op_resolver_type=resolver)
        runtime.allocate_tensors()
        runtime.set_tensor(runtime.get_input_details()[0]["index"], rows)
        try:
            runtime.invoke()
        except RuntimeError as error:
            found = "raises" if "variable != nullptr" in str(error) else str(error)
        else:
            made = runtime.get_tensor(runtime.get_output_details()[0]["index"])
            found = "right" if np.abs(made - model(rows)).max() < 1e-5 else "other numbers"
        print(f"{name}, {'XNNPACK' if resolver is OpResolverType.AUTO else 'no delegate'}: {found}")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore case.py > out 2> errors || { cat errors; exit 1; }
grep "^from_" out > lines
cat lines
diff lines - <<'OUT'
from_keras_model, XNNPACK: right
from_keras_model, no delegate: right
from_concrete_functions, nothing that tracks, XNNPACK: right
from_concrete_functions, nothing that tracks, no delegate: right
from_concrete_functions, the model tracks, XNNPACK: other numbers
from_concrete_functions, the model tracks, no delegate: raises
OUT
