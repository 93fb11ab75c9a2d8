"""Training steps of recipes in float32 and in bfloat16, in turn on the same machine.

python -m benchmarks.training [RECIPE ...] [--rounds 3] [--steps 6] [--out training.json]
python -m benchmarks.training --peers [WGAN-GP SNGAN DCGAN BigGAN] [--rounds 3] [--steps 6] [--out peers.json]

A step is taken on a batch of noise. Each round takes steps in one precision and then in the other; a figure is the
median of all rounds, after a first that builds the graphs. It prints the rows of the table in docs/performance.md.
Run it on an idle machine: the same command may take twice as long beside another. On a processor without bfloat16 it
says so and measures float32 alone. With `--peers` it measures steps beside PyTorch's instead, see
`benchmarks.training_peers`.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
from importlib import metadata

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `kerasgan train` does

import kerasgan
from kerasgan.metrics.evaluation import result
from kerasgan.training import dry_run, runner
from kerasgan.utils.precision import chosen

RECIPES = ("sgan_fashion_mnist", "wgan_gp_fashion_mnist", "biggan_fashion_mnist", "r3gan_fashion_mnist")
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


def timed(recipe, precisions, rounds, steps):
    """The medians of a step's seconds, by precision."""
    models = {precision: built(recipe, precision) for precision in precisions}
    seconds = {precision: [] for precision in precisions}
    for number in range(rounds + 1):
        for precision, (plan, gan) in models.items():
            with kerasgan.precision(precision):
                taken = dry_run.take_steps(plan, gan, steps)
            seconds[precision] += taken[1:] if number else ()
    return {precision: statistics.median(values) for precision, values in seconds.items()}


def of_recipes(arguments, precisions):
    """Measure recipes and print the table; returns the medians."""
    print("| recipe | float32, ms | bfloat16, ms | ratio |\n| --- | ---: | ---: | ---: |")
    rows = {}
    for recipe in arguments.names or RECIPES:
        rows[recipe] = medians = timed(recipe, precisions, arguments.rounds, arguments.steps)
        one, other = medians["float32"], medians.get("bfloat16")
        narrow = "- | -" if other is None else f"{1000 * other:.0f} | {one / other:.2f}"
        print(f"| {recipe} | {1000 * one:.0f} | {narrow} |", flush=True)
    return rows


def main():
    """Measure, print the table, and write the JSON file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="RECIPE", help="with --peers: WGAN-GP, SNGAN, DCGAN, BigGAN")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--peers", action="store_true")
    arguments = parser.parse_args()
    bfloat16 = chosen("auto") == "bfloat16"
    print(f"{processor()}{'' if bfloat16 else ': no bfloat16, so float32 alone'}\n")
    if arguments.peers:
        from benchmarks import training_peers

        rows, packages = {}, training_peers.PACKAGES
        for title in arguments.names or training_peers.CASES:
            case = training_peers.CASES[title]
            rows[title] = training_peers.rows(case, bfloat16, rounds=arguments.rounds, steps=arguments.steps)
            print(f"{training_peers.table(title, rows[title])}\n", flush=True)
    else:
        rows, packages = of_recipes(arguments, ("float32", *["bfloat16"] * bfloat16)), ()
    if arguments.out:
        versions = {**result.versions(), **{name: metadata.version(name) for name in packages}}
        facts = {"processor": processor(), "command": result.command(), "versions": versions, "seconds": rows}
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
