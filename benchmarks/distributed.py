"""Training steps of one process, of two replicas in a process, and of two workers, on two threads each time.

python -m benchmarks.distributed [RECIPE ...] [--rounds 3] [--steps 12] [--out distributed.json]

A step is taken on a batch of noise. In each round the three take steps in turn, each in processes of its own; a figure
is the median of the steps of all rounds but the first two of each process, which build graphs. What is summed over
the workers is counted in the step's graph; what a worker sends in a step, by the counters of the loopback device,
headers included: as root in a network namespace of the job's own, else nothing else may use loopback meanwhile. Both
are divided by the bytes of the gradients, which is what a ring of two has to send. It prints the rows of the table in
docs/scaling.md. Run it on an idle machine.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

RECIPES = ("sgan_fashion_mnist", "biggan_fashion_mnist")
KINDS = ("process", "replicas", "workers")
WARM = 2  # steps that are not counted


def loopback_bytes():
    """Bytes that the loopback device has sent since it is there."""
    [line] = [line for line in pathlib.Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:")]
    return int(line.partition(":")[2].split()[8])


def summed_bytes(graph):
    """Bytes of the tensors that a graph sums over workers."""
    operations = [operation for operation in graph.get_operations() if operation.type.startswith("CollectiveReduce")]
    return sum(math.prod(operation.inputs[0].shape) * operation.inputs[0].dtype.size for operation in operations)


def take_steps(kind, recipe, steps):
    """Train on noise in this process, which is one worker where `kind` is "workers"; prints what it measured."""
    from kerasgan.utils import tf_runtime

    tf_runtime.import_tensorflow("CPU:0,CPU:1" if kind == "replicas" else None)
    import keras
    import numpy as np
    import tensorflow as tf

    from kerasgan.training import runner
    from kerasgan.utils import devices

    marks = []

    class Meter(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            {name: float(np.ravel(value)[0]) for name, value in logs.items()}  # waits for the step's end
            marks.append((time.time(), loopback_bytes()))

    with devices.used() as strategy:
        plan = runner.planned(recipe)
        source = plan.data.noise()
        with strategy.scope():
            gan = runner.build(plan, source)
        rng = np.random.default_rng(0)
        rows = plan.data.batch_size * gan.batches_per_step
        data = rng.uniform(-1, 1, (rows, *gan.image_shape)).astype(np.float32)
        if gan.num_classes is not None:
            data = data, rng.integers(0, gan.num_classes, rows, dtype=np.int32)
        gan.fit(tf.data.Dataset.from_tensors(data).repeat(steps), verbose=0, callbacks=[Meter()])
        part = tf.nest.map_structure(lambda array: array[: rows // strategy.num_replicas_in_sync], data)
        step = tf.function(lambda: strategy.run(gan.train_step, args=(part,)), autograph=False)
        summed = summed_bytes(step.get_concrete_function().graph)
        generator, critic = (
            sum(math.prod(variable.shape) for variable in model.trainable_variables)
            for model in (gan.generator, gan.critic)
        )
    times, sent = zip(*marks[WARM - 1 :])
    print(
        json.dumps(
            {
                "seconds": [after - before for before, after in zip(times, times[1:])],
                "bytes": [after - before for before, after in zip(sent, sent[1:])],
                "summed": summed,
                "gradients": 4 * (generator + gan.critic_steps * critic),
                "start": marks[0][0] - float(os.environ["BENCHMARK_BEGAN"]),
            }
        )
    )


def run(kind, recipe, steps):
    """Start the processes of a kind, and return what the first of them measured."""
    from tests.distribute import workers

    count = 2 if kind == "workers" else 1
    line = [sys.executable, "-m", "benchmarks.distributed", "--as", kind, recipe, "--steps", str(steps)]
    environments = workers.environments(2) if count == 2 else [{**os.environ}]
    threads = "1" if count == 2 else "2"
    common = {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": "2", "BENCHMARK_BEGAN": repr(time.time())}
    started = [
        subprocess.Popen(line, env={**environment, **common}, stdout=subprocess.PIPE, text=True)
        for environment in environments
    ]
    said = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit(f"{kind}: {' '.join(line)} failed")
    return json.loads(said[0].splitlines()[-1])


def own_network():
    """Begin again in a network namespace of our own, where only this benchmark uses loopback; as root alone."""
    if os.geteuid() or os.environ.get("BENCHMARK_OWN_NETWORK"):
        return
    shell = 'ip link set lo up && exec "$@"'
    line = ["unshare", "--net", "sh", "-c", shell, "sh", sys.executable, "-m", "benchmarks.distributed", *sys.argv[1:]]
    os.execvpe("unshare", line, {**os.environ, "BENCHMARK_OWN_NETWORK": "1"})


def measured(recipe, rounds, steps):
    """Return of each kind the median seconds of a step and of the start, and of workers the bytes."""
    found = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        for kind in KINDS:
            found[kind].append(run(kind, recipe, steps))
    rows = {
        kind: {
            "seconds": statistics.median(second for each in measurements for second in each["seconds"]),
            "start": statistics.median(each["start"] for each in measurements),
        }
        for kind, measurements in found.items()
    }
    shared = found["workers"]
    rows["workers"]["bytes"] = statistics.median(count for each in shared for count in each["bytes"]) / 2
    rows["workers"] |= {name: shared[0][name] for name in ("summed", "gradients")}
    return rows


def main():
    """Measure, print the table, and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--as", dest="kind", choices=KINDS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.kind:
        take_steps(arguments.kind, arguments.recipes[0], arguments.steps)
        return
    own_network()
    from benchmarks.training import processor
    from kerasgan.metrics.evaluation import result

    print(
        f"{processor()}\n\n| recipe | one process, ms | two replicas, ms | two workers, ms | workers over replicas | "
        "summed, of the gradients' bytes | sent by a worker, of the gradients' bytes | "
        "start of one process, s | of two workers, s |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    rows = {}
    for recipe in arguments.recipes:
        rows[recipe] = row = measured(recipe, arguments.rounds, arguments.steps)
        one, replicas, shared = (row[kind] for kind in KINDS)
        milliseconds = " | ".join(f"{1000 * row[kind]['seconds']:.0f}" for kind in KINDS)
        print(
            f"| {recipe} | {milliseconds} | {shared['seconds'] / replicas['seconds']:.2f} | "
            f"{shared['summed'] / shared['gradients']:.3f} | {shared['bytes'] / shared['gradients']:.3f} | "
            f"{one['start']:.1f} | {shared['start']:.1f} |",
            flush=True,
        )
    if arguments.out:
        facts = {"processor": processor(), "command": result.command(), "versions": result.versions(), "rows": rows}
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
