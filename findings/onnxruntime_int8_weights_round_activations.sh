#!/usr/bin/env bash
# onnxruntime 1.32.0: an int8 weight behind DequantizeLinear makes its MatMul round the other input to int8 as well.
#
# Guess, written down before: where a file stores a weight as int8, with DequantizeLinear to float32 before a MatMul of
# float32, and nothing quantizes the other input, what is computed is float32.
# Outcome: a miss. By default ONNX Runtime fuses the two to a MatMulNBits that computes in int8: the error is over a
# thousand times that of the same file with `session.disable_quant_qdq`, without optimizations, or with Cast and Mul in
# place of DequantizeLinear. `session.qdq_matmulnbits_accuracy_level` of 1 leaves it float32 as well.
# What follows: where only the size of a file is to shrink, write the weight as Cast and Mul, which are done at loading.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "onnxruntime==1.32.0" "onnx==1.23.2" "numpy>=2,<3"
cat > "$folder/case.py" <<'PY'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(0)
stored = rng.integers(-127, 128, (256, 64)).astype("int8")
scales = rng.uniform(0.01, 0.02, 64).astype("float32")
given = rng.normal(size=(8, 256)).astype("float32")
wanted = given.astype("float64") @ (stored * scales.astype("float64"))


def error(nodes, **options):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None]) for name in "xy")
    constants = [numpy_helper.from_array(stored, "stored"), numpy_helper.from_array(scales, "scales")]
    nodes = [*nodes, helper.make_node("MatMul", ["x", "w"], ["y"])]
    model = helper.make_model(
        helper.make_graph(nodes, "product", [x], [y], constants),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=9,
    )
    chosen = onnxruntime.SessionOptions()
    for name, value in options.items():
        chosen.add_session_config_entry(f"session.{name}", value)
    session = onnxruntime.InferenceSession(model.SerializeToString(), chosen, providers=["CPUExecutionProvider"])
    return np.abs(session.run(None, {"x": given})[0] - wanted).max() / np.abs(wanted).max()


dequantized = [helper.make_node("DequantizeLinear", ["stored", "scales"], ["w"], axis=1)]
multiplied = [
    helper.make_node("Cast", ["stored"], ["numbers"], to=TensorProto.FLOAT),
    helper.make_node("Mul", ["numbers", "scales"], ["w"]),
]
for name, value in {
    "DequantizeLinear": error(dequantized),
    "DequantizeLinear, disable_quant_qdq": error(dequantized, disable_quant_qdq="1"),
    "DequantizeLinear, accuracy level 1": error(dequantized, qdq_matmulnbits_accuracy_level="1"),
    "Cast and Mul": error(multiplied),
}.items():
    print(f"{name}: {'float32' if value < 1e-6 else 'coarser' if value > 1e-3 else value}")
PY
cd "$folder"
venv/bin/python -W ignore case.py > out 2> errors || { cat errors; exit 1; }
cat out
diff out - <<'OUT'
DequantizeLinear: coarser
DequantizeLinear, disable_quant_qdq: float32
DequantizeLinear, accuracy level 1: float32
Cast and Mul: float32
OUT
