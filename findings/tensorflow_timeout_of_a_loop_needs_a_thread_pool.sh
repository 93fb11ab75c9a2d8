#!/usr/bin/env bash
# TensorFlow 2.21.0: RunOptions.timeout_in_ms ends a loop only where the run has a pool of threads of its own.
#
# Guess, written down before: a run whose time is up ends after the operation that is computing, with
# DEADLINE_EXCEEDED, whatever threads it uses; that is what a server's deadline hopes for.
# Outcome: a miss, twice. With inter_op_parallelism_threads=-1 (the run computes in the thread that asks, the quick way
# for many small requests) a loop of two seconds goes on to its end and gives its result, without an error. With a pool
# of the session's own it ends within a turn. And a chain of operations without a loop is computed to its end in both;
# with a pool only the error comes then, so the caller waits just as long for less.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tensorflow==2.21.0"
cat > "$folder/case.py" <<'PY'
import time

import tensorflow as tf

v1 = tf.compat.v1
graph = tf.Graph()
with graph.as_default():
    one = tf.random.uniform((400, 400), seed=1) / 400
    turns = v1.placeholder(tf.int32, ())
    loop = tf.while_loop(lambda i, x: i < turns, lambda i, x: (i + 1, x @ one), [0, one])[1]
    chain = one
    for _ in range(1500):
        chain = chain @ one


def session(pool):
    config = v1.ConfigProto(inter_op_parallelism_threads=-1, intra_op_parallelism_threads=1)
    if pool:
        config.session_inter_op_thread_pool.add(num_threads=2)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return v1.Session(graph=graph, config=config)


def seconds(run):
    start = time.perf_counter()
    try:
        run()
        ended = "a result"
    except tf.errors.DeadlineExceededError:
        ended = "DEADLINE_EXCEEDED"
    return time.perf_counter() - start, ended


for pool in (False, True):
    with session(pool) as s:
        s.run((loop, chain), {turns: 10})
        for name, tensor in (("loop", loop), ("chain", chain)):
            feed = {turns: 1500}
            whole, _ = seconds(lambda: s.run(tensor, feed))
            took, ended = seconds(lambda: s.run(tensor, feed, options=v1.RunOptions(timeout_in_ms=int(100 * whole))))
            share = "to its end" if took > 0.7 * whole else "a part"
            print("own pool" if pool else "caller's thread", "|", name, "|", share, "|", ended)
PY
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/case.py" 2> "$folder/errors" > "$folder/out" || { tail -5 "$folder/errors"; exit 1; }
cat "$folder/out"
diff "$folder/out" - <<'OUT'
caller's thread | loop | to its end | a result
caller's thread | chain | to its end | a result
own pool | loop | a part | DEADLINE_EXCEEDED
own pool | chain | to its end | DEADLINE_EXCEEDED
OUT
