#!/usr/bin/env bash
# TFLiteConverter.from_concrete_functions of TensorFlow 2.21.0 leaves a Keras 3.15.1 model's weights out of the file.
#
# What was taken for granted, and not written down before: given the function and, as its message asks, the model that
# owns the variables (trackable_obj), it writes the weights, or it fails and says which variable it could not follow.
# Outcome: it writes a file, without an error or a warning. The file loads, and runs: its variables are in it
# without values, so that the output is what the memory holds, such as infinity. A tf.Module that holds the model does
# the same; one that holds the tf.Variables themselves is right, and so is from_keras_model.
# What follows: make variables constants before the conversion, and compare each file's output before it is kept.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "keras==3.15.1" "tensorflow==2.21.0"
cat > "$folder/case.py" <<'PY'
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
inputs = keras.Input((3,))
model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dense(4)(inputs)))
x = np.ones((2, 3), np.float32)
spec = tf.TensorSpec([None, 3], tf.float32)


class Variables(tf.Module):
    def __init__(self):
        super().__init__()
        self.held = [variable.value for variable in model.variables]


def made(converter):
    runner = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner()
    [name] = runner.get_input_details()
    [output] = runner(**{name: x}).values()
    return output


def of_function(trackable):
    traced = tf.function(model).get_concrete_function(spec)
    return made(tf.lite.TFLiteConverter.from_concrete_functions([traced], trackable))


wanted = model(x).numpy()
for name, output, right in (
    ("the model", of_function(model), False),
    ("a tf.Module of its tf.Variables", of_function(Variables()), True),
    ("from_keras_model", made(tf.lite.TFLiteConverter.from_keras_model(model)), True),
):
    print(f"{name}: {output[0]}; the model makes {wanted[0]}")
    assert np.allclose(output, wanted, atol=1e-5) == right, name
PY
export TF_CPP_MIN_LOG_LEVEL=3
"$folder/venv/bin/python" "$folder/case.py"
echo "as found: the file was written without the weights"
