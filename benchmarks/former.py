"""Training steps of a former commit beside those of today, in turn on the same machine.

python -m benchmarks.former [RECIPE ...] [--commit 68f2a08] [--rounds 2] [--steps 6]

The former commit is unpacked from git into a temporary folder. Each measurement is a process of its own: it takes steps
on a batch of noise, the first of which builds the graph; a figure is the median of the other steps of all rounds. The
recipes are those of the commit, of the same name. docs/performance.md has its milliseconds. Run it on an
idle machine.
"""

import argparse
import collections
import contextlib
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

RECIPES = ("sgan_fashion_mnist", "wgan_gp_fashion_mnist", "biggan_fashion_mnist", "dcgan_clothing64")
TODAY = pathlib.Path(__file__).parents[1]


def unpacked(commit, folder):
    """The files of a commit of this repository in a folder; returns it."""
    archive = subprocess.run(["git", "-C", TODAY, "archive", commit], check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return pathlib.Path(folder)


def measured(tree, recipe, precision, steps):
    """Seconds of steps of a tree's recipe, in a process of its own."""
    command = [sys.executable, __file__, recipe, "--in", precision, "--steps", str(steps)]
    environment = os.environ | {"PYTHONPATH": str(tree), "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1"}
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=tree, env=environment).stdout
    told = json.loads(output.splitlines()[-1])
    if not pathlib.Path(told["package"]).is_relative_to(tree):
        raise RuntimeError(f"expected kerasgan of {tree}; got {told['package']}")
    return told["seconds"]


def take(recipe, precision, steps):
    """Print the seconds of steps, of the kerasgan that Python finds.

    With a clock of its own: the former commit's `dry_run` counts the overhead of `fit` with each step.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    import kerasgan

    try:
        from kerasgan.training import runner
    except ImportError:  # where it was in the former commit
        from kerasgan import training as runner

    class Clock(keras.callbacks.Callback):
        seconds = []

        def on_train_batch_begin(self, batch, logs=None):
            self.began = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            float(logs["critic_loss"])  # waits for the step's end
            self.seconds.append(time.perf_counter() - self.began)

    plan = runner.planned(recipe)
    source = plan.data.noise()
    within = contextlib.nullcontext() if precision == "float32" else kerasgan.precision(precision)
    with within:
        gan = runner.build(plan, source)
        rows, rng = plan.data.batch_size * gan.batches_per_step, np.random.default_rng(0)
        batch = rng.uniform(-1, 1, (rows, *gan.generator.output_shape[1:])).astype("float32")
        if gan.num_classes:
            batch = batch, rng.integers(0, gan.num_classes, rows, dtype="int32")
        gan.fit(tf.data.Dataset.from_tensors(batch).repeat(steps), verbose=0, callbacks=[Clock()])
    print(json.dumps({"package": kerasgan.__file__, "seconds": Clock.seconds}))


def main():
    """Measure, and print the table's rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--commit", default="68f2a08")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--in", dest="precision", help="measure in this process")
    arguments = parser.parse_args()
    if arguments.precision:
        take(arguments.recipes[0], arguments.precision, arguments.steps)
        return
    seconds = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        former = unpacked(arguments.commit, folder)
        for _ in range(arguments.rounds):
            for recipe in arguments.recipes:
                for column, tree, precision in (
                    ("former", former, "float32"),
                    ("float32", TODAY, "float32"),
                    ("bfloat16", TODAY, "bfloat16"),
                ):
                    seconds[recipe, column] += measured(tree, recipe, precision, arguments.steps)[1:]
    print(f"| recipe | {arguments.commit}, ms | float32, ms | ratio | bfloat16, ms | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for recipe in arguments.recipes:
        was, exact, rounded = (
            1000 * statistics.median(seconds[recipe, column]) for column in ("former", "float32", "bfloat16")
        )
        print(f"| {recipe} | {was:.0f} | {exact:.0f} | {was / exact:.2f} | {rounded:.0f} | {was / rounded:.2f} |")


if __name__ == "__main__":
    main()
