#!/usr/bin/env bash
# OpenVINO 2026.4.1 lets a Reshape to another number of elements pass, where the sizes are known at run time alone.
#
# Guess: in a graph without assertions, a Reshape of [N] to [N + 1] fails when it is computed, as in ONNX Runtime and
# TensorFlow; so it can refuse an input, with N + (whether the input is wrong) as the new size.
# Outcome: a miss. On the CPU the Reshape from one unknown length to another is left out when the model is compiled, and
# the input comes out as it was. A VariadicSplit into one part of N + 1 elements fails.
# What follows: kerasgan's OpenVINO files check labels by a split (kerasgan/models/runtimes/openvino.py).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "openvino==2026.4.1" "numpy>=2,<3"
cat > "$folder/case.py" <<'PY'
import numpy as np
import openvino
from openvino import opset13 as operations


def compiled(change):
    x = operations.parameter([-1], np.int32)
    more = operations.parameter([1], np.int32)
    size = operations.add(operations.shape_of(x, "i32"), more)
    return openvino.compile_model(openvino.Model([change(x, size).output(0)], [x, more]), "CPU")


def split(x, size):
    return operations.variadic_split(x, operations.constant(np.array(0, np.int32)), size)


for change in (lambda x, size: operations.reshape(x, size, False), split):
    model = compiled(change)
    for more in (0, 1):
        try:
            print(more, model([np.arange(4, dtype=np.int32), np.array([more], np.int32)])[0])
        except RuntimeError as error:
            print(more, "refused:", str(error).strip().splitlines()[-1])
PY
cd "$folder"
CI=true "$folder/venv/bin/python" case.py > "$folder/out"
cat "$folder/out"
diff "$folder/out" - <<'OUT'
0 [0 1 2 3]
1 [0 1 2 3]
0 [0 1 2 3]
1 refused: Total length of splits: 5 must match the length of the chosen axis: 4
OUT
