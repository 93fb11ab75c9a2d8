"""How far the gradients of a training step in bfloat16 are from those in float32.

python -m benchmarks.gradients [RECIPE ...]

One step of each recipe from its initial weights, with the same latents in both precisions, on images of 8 x 8 pixel
blocks of uniform noise, seed 0. For the last update of each network it prints the distance of the gradients of all
kernels, relative to the norm of float32's, and that of all vectors (biases, scales and shifts); and the cosine between
the gradients of the network. It prints the rows of the table in docs/performance.md.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan.training import runner

RECIPES = (
    "sgan_fashion_mnist",
    "lsgan_fashion_mnist",
    "wgan_gp_fashion_mnist",
    "rasgan_fashion_mnist",
    "hinge_fashion_mnist",
    "cramer_fashion_mnist",
    "biggan_fashion_mnist",
    "r3gan_fashion_mnist",
    "tsgan_fashion_mnist",
)


class Recorder(keras.optimizers.SGD):
    """An optimizer that moves nothing and keeps the last gradients."""

    def build(self, variables):
        """Make room for them."""
        if not self.built:
            super().build(variables)
            self.gradients = [self.add_variable_from_reference(variable, "gradient") for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        """Keep one."""
        self.assign(self.gradients[self._get_variable_index(variable)], gradient)


def of_a_step(recipe, precision):
    """`{network: gradients of its variables}` of a step of a recipe."""
    plan = runner.planned(recipe)
    with kerasgan.precision(precision):
        gan = runner.build(plan, plan.data.noise())
        gan.compile(Recorder(0.0), Recorder(0.0))
        gan.fit(tf.data.Dataset.from_tensors(_batch(plan, gan)), verbose=0)
    optimizers = {"critic": gan.critic_optimizer, "generator": gan.generator_optimizer}
    return {name: [np.array(value) for value in optimizer.gradients] for name, optimizer in optimizers.items()}


def _batch(plan, gan):
    rng, rows = np.random.default_rng(0), plan.data.batch_size * gan.batches_per_step
    size, _, channels = gan.image_shape
    blocks = rng.uniform(-1, 1, (rows, size // 8, size // 8, channels)).astype("float32")
    images = np.repeat(np.repeat(blocks, 8, 1), 8, 2)
    return images if gan.num_classes is None else (images, rng.integers(0, gan.num_classes, rows, np.int32))


def compared(exact, made):
    """(relative distance of the kernels' gradients, of the vectors', cosine of all) of one network."""

    def joined(gradients, kernels):
        return np.concatenate([np.zeros(0), *(value.ravel() for value in gradients if (value.ndim > 1) == kernels)])

    distances = []
    for kernels in (True, False):
        wanted = joined(exact, kernels)
        norm = np.linalg.norm(wanted)
        distances.append(np.linalg.norm(joined(made, kernels) - wanted) / norm if norm else 0.0)
    a, b = (np.concatenate([value.ravel() for value in gradients]) for gradients in (exact, made))
    return *distances, float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def main():
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    print("| recipe | network | kernels | vectors | cosine |\n| --- | --- | ---: | ---: | ---: |")
    for recipe in parser.parse_args().recipes:
        exact, made = (of_a_step(recipe, precision) for precision in ("float32", "bfloat16"))
        for network in exact:
            kernels, vectors, cosine = compared(exact[network], made[network])
            print(f"| {recipe} | {network} | {kernels:.3f} | {vectors:.3f} | {cosine:.4f} |", flush=True)


if __name__ == "__main__":
    main()
