"""Training steps of recipes in float32 and in bfloat16, in turn on the same machine.

python -m benchmarks.training [RECIPE ...] [--rounds 3] [--steps 6] [--out training.json]

A step is taken on a batch of noise. Each round takes steps in one precision and then in the other; a figure is the
median of all rounds, after a first that builds the graphs. It prints the rows of the table in docs/performance.md.
Run it on an idle machine: the same command may take twice as long beside another.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics

import kerasgan
from kerasgan.metrics.evaluation import result
from kerasgan.training import dry_run, runner

RECIPES = ("sgan_fashion_mnist", "wgan_gp_fashion_mnist", "biggan_fashion_mnist", "r3gan_fashion_mnist")
PRECISIONS = ("float32", "bfloat16")
FEATURES = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")  # of processors, the fastest first


def processor():
    """What the processor is called, and the best of the instructions that TensorFlow may use on it."""
    text = pathlib.Path("/proc/cpuinfo").read_text() if pathlib.Path("/proc/cpuinfo").exists() else ""
    name = next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")), "")
    best = next((feature for feature in FEATURES if feature in text.split()), "no such instructions")
    return f"{name or platform.processor()}, {len(os.sched_getaffinity(0))} cores, {best}"


def built(recipe, precision):
    """The plan of a recipe, and its model for a precision."""
    plan = runner.planned(recipe)
    with kerasgan.precision(precision):
        return plan, runner.build(plan, plan.data.noise())


def timed(recipe, rounds, steps):
    """The medians of a step's seconds, by precision."""
    models = {precision: built(recipe, precision) for precision in PRECISIONS}
    seconds = {precision: [] for precision in PRECISIONS}
    for number in range(rounds + 1):
        for precision, (plan, gan) in models.items():
            with kerasgan.precision(precision):
                taken = dry_run.take_steps(plan, gan, steps)
            seconds[precision] += taken[1:] if number else ()
    return {precision: statistics.median(values) for precision, values in seconds.items()}


def main():
    """Measure, print the table, and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    print(f"{processor()}\n\n| recipe | float32, ms | bfloat16, ms | ratio |\n| --- | ---: | ---: | ---: |")
    rows = {}
    for recipe in arguments.recipes:
        rows[recipe] = medians = timed(recipe, arguments.rounds, arguments.steps)
        one, other = medians["float32"], medians["bfloat16"]
        print(f"| {recipe} | {1000 * one:.0f} | {1000 * other:.0f} | {one / other:.2f} |", flush=True)
    if arguments.out:
        facts = {"processor": processor(), "command": result.command(), "versions": result.versions(), "seconds": rows}
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
