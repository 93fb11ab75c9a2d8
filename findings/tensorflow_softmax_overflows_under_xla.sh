#!/usr/bin/env bash
# TensorFlow 2.21.0: compiled by XLA for a CPU, a softmax of logits that are a product overflows; without XLA none does.
#
# Guess, written down before: a softmax subtracts the largest logit, so that no exponent is above 0 and nothing
# overflows, compiled by XLA or not. Logits of 1e10, far apart, give one 1 and zeros, and a cross entropy that is finite.
# Outcome: a miss. Where the logits are a product, as of attention with its scale or of a temperature, XLA computes the
# product a second time inside the difference, as a fused multiply-add, which does not round. The largest logit less the
# largest, rounded, is then what rounding took, up to 500 of 1e10, and its exponential infinite: the probabilities are
# NaN, and the loss infinite. The logits themselves, no product, are right.
# What follows: a training that survives large logits without XLA, as of an attention that grows, ends in NaN with it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0"
cat > "$folder/case.py" <<'PY'
import numpy as np
import tensorflow as tf

NUMBERS = np.random.default_rng(0).normal(size=(4, 50)).astype("float32")
LABELS = NUMBERS.argmin(axis=1)
SCALE = 0.57735026  # of attention with keys of three numbers


def finite(logits_of, size):
    """Whether softmax and cross entropy are, without XLA and with it."""
    told = []
    for jit_compile in False, True:

        @tf.function(jit_compile=jit_compile)
        def compute(numbers):
            logits = logits_of(numbers)
            return tf.nn.softmax(logits), tf.nn.sparse_softmax_cross_entropy_with_logits(LABELS, logits)

        told.append("/".join(str(bool(np.isfinite(value).all())) for value in compute(tf.constant(NUMBERS * size))))
    return f"without XLA {told[0]}, with XLA {told[1]}"


for size in 1e4, 1e10:
    print(f"{size:.0e}, a product: {finite(lambda numbers: numbers * SCALE, size)}")
    print(f"{size:.0e}, none: {finite(lambda numbers: numbers, size)}")
PY
cd "$folder"
TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore case.py > out 2> errors || { cat errors; exit 1; }
cat out
diff out - <<'OUT'
1e+04, a product: without XLA True/True, with XLA True/True
1e+04, none: without XLA True/True, with XLA True/True
1e+10, a product: without XLA True/True, with XLA False/False
1e+10, none: without XLA True/True, with XLA True/True
OUT
