"""Peak memory of training steps in float32 and in bfloat16, each in a process of its own.

python -m benchmarks.memory [CASE ...] [--steps 3]

A process builds the model, takes its peak resident memory, takes steps on noise, and takes it again: what the steps add
is activations, gradients, optimizer's temporaries and the libraries' workspaces. It prints the rows of the table in
docs/performance.md.
"""

import argparse
import resource
import subprocess
import sys

PRECISIONS = ("float32", "bfloat16")


def biggan_128():
    """BigGAN's networks of 128 pixels and 1,000 classes, a third as wide as the paper's, without the paper's attention.

    Returns:
        A compiled model, and the rows of a minibatch.
    """
    import kerasgan

    networks = kerasgan.networks.biggan
    options = {"num_classes": 1000, "filters": 32, "attention_size": None}
    generator = networks.generator((128, 128, 3), latent_dim=120, **options)
    gan = kerasgan.BigGAN(generator, networks.critic((128, 128, 3), **options), num_classes=1000)
    gan.compile()
    return gan, 16


def wgan_gp_64():
    """WGAN-GP with DCGAN's networks of 64 pixels; see `biggan_128`."""
    import kerasgan

    networks = kerasgan.networks.dcgan
    generator = networks.generator((64, 64, 3), latent_dim=128, filters=64)
    critic = networks.critic((64, 64, 3), filters=64, normalization="layer")
    gan = kerasgan.WGANGP(generator, critic, critic_steps=2)
    gan.compile()
    return gan, 64


CASES = {"biggan_128": biggan_128, "wgan_gp_64": wgan_gp_64}


def peak():
    """The most resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(case, precision, steps):
    """Print the peak before the steps and after them, of this process."""
    import numpy as np
    import tensorflow as tf

    import kerasgan

    with kerasgan.precision(precision):
        gan, rows = CASES[case]()
        gan.prepare_sampling = lambda: None  # what it computes is not of a step
        rng, count = np.random.default_rng(0), rows * gan.batches_per_step
        data = rng.uniform(-1, 1, (count, *gan.image_shape)).astype("float32")
        if gan.num_classes is not None:
            data = (data, rng.integers(0, gan.num_classes, count, np.int32))
        before = peak()
        gan.fit(tf.data.Dataset.from_tensors(data).repeat(steps), verbose=0)
    print(before, peak())


def main():
    """Measure each case in each precision, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=tuple(CASES))
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--in", dest="precision", choices=PRECISIONS, help="measure in this process")
    arguments = parser.parse_args()
    if arguments.precision:
        measure(arguments.cases[0], arguments.precision, arguments.steps)
        return
    print("| case | precision | before, MiB | peak, MiB | steps add, MiB |\n| --- | --- | ---: | ---: | ---: |")
    for case in arguments.cases:
        for precision in PRECISIONS:
            command = [sys.executable, "-m", "benchmarks.memory", case, "--in", precision]
            output = subprocess.run(
                [*command, "--steps", str(arguments.steps)], check=True, stdout=subprocess.PIPE, text=True
            ).stdout
            before, after = map(float, output.split()[-2:])
            print(f"| {case} | {precision} | {before:.0f} | {after:.0f} | {after - before:.0f} |", flush=True)


if __name__ == "__main__":
    main()
