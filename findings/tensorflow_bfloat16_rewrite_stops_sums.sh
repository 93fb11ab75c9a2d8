#!/usr/bin/env bash
# TensorFlow 2.21.0: under `auto_mixed_precision_onednn_bfloat16` a float32 variable that adds up products stops at 256.
#
# Guess, written down before: variables stay float32 under this option, so a float32 total of 600 products that are 1 is
# 600, and a moving average of products that are 256 comes near 256, however the sum is written.
# Outcome: a miss. `assign_add` and `assign_sub` are right. `assign(total + product)` and `assign(tf.add_n(...))` stop at
# 256, where bfloat16 has no odd numbers: the addition is taken into bfloat16, with it the old total, and only the result
# is float32 again. A moving average with decay 0.999, written as `assign(0.999 * average + 0.001 * product)`, stops at half.
# What follows: under this option add to variables with `assign_add`, in sums of features' products for a Frechet
# distance, accumulated gradients and moving averages; or keep Add, AddV2 and AddN out of its lists.
# Needs a processor with avx512_bf16 or amx_bf16; run on one with both.
set -euo pipefail
grep -q -E 'avx512_bf16|amx_bf16' /proc/cpuinfo || { echo "this processor has no bfloat16: nothing to see"; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0" "numpy>=2,<3"
cat > "$folder/case.py" <<'PY'
import tensorflow as tf

tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": True})
rows = tf.ones((1, 4))


def result(change, calls):
    total = tf.Variable(tf.zeros((4, 4)))

    @tf.function
    def step():
        change(total, tf.matmul(rows, rows, transpose_a=True))

    for _ in range(calls):
        step()
    return f"{total.dtype.name} {total.numpy()[0, 0]:.0f}"


print("600 times 1, assign_add:", result(lambda total, one: total.assign_add(one), 600))
print("600 times 1, assign of a sum:", result(lambda total, one: total.assign(total + one), 600))
print("600 times 1, assign of add_n:", result(lambda total, one: total.assign(tf.add_n([total, one])), 600))
print("average, assign_add:", result(lambda mean, one: mean.assign_add(0.001 * (256 * one - mean)), 10000))
print("average, assign:", result(lambda mean, one: mean.assign(0.999 * mean + 0.001 * 256 * one), 10000))
PY
cd "$folder"
CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python case.py 2> errors > out || { cat errors; exit 1; }
cat out
diff out - <<'OUT'
600 times 1, assign_add: float32 600
600 times 1, assign of a sum: float32 256
600 times 1, assign of add_n: float32 256
average, assign_add: float32 256
average, assign: float32 128
OUT
