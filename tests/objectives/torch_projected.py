"""A step of Projected GAN in PyTorch and float64, written from the paper's formulas, without Keras.

Weights are dicts of a layer's name to its tensors in Keras's order and layouts, see `torch_steps`.
"""

import torch
from torch.nn import functional as F

from tests.objectives import torch_steps as steps
from tests.objectives.torch_steps import channels_first, channels_last


def rows(name, kernel):
    """The kernel as a matrix with a row for each output channel: the transposed one's are its third axis."""
    axis = 2 if name == "first" else -1
    kernel = kernel.movedim(axis, 0)
    return kernel.reshape(len(kernel), -1)


@torch.no_grad()
def power_iteration(weights):
    """Move u and v of every spectrally normalized layer."""
    for name, tensors in weights.items():
        if len(tensors) > 2 and tensors[2].ndim == 4:
            u, v, kernel = tensors[:3]
            matrix = rows(name, kernel)
            v.copy_(F.normalize(matrix.T @ u, dim=0))
            u.copy_(F.normalize(matrix @ v, dim=0))


def normalized(name, weights):
    """Kernel / sigma, and the bias or None."""
    u, v, kernel, *bias = weights[name]
    return kernel / (u @ rows(name, kernel) @ v), *(bias or [None])


def batch_norm(x, tensors):
    gamma, beta = tensors[:2]
    return F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)


def fastgan(weights, z, noises, levels):
    """The unconditional generator without skip-layer excitation, which begins at 64 pixels."""
    z = z * torch.rsqrt((z**2).mean(1, keepdim=True) + 1e-8)
    kernel, _ = normalized("first", weights)
    x = F.glu(batch_norm(steps.conv_transpose(z[:, :, None, None], kernel), weights["first_norm"]), dim=1)
    for level in range(1, levels + 1):
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        for part in "ab":
            name = f"block_{level}{part}"
            x = steps.conv_same(x, *normalized(name, weights))
            x = x + weights[f"{name}_noise"][0] * channels_first(noises[f"{name}_noise"])
            x = F.glu(batch_norm(x, weights[f"{name}_norm"]), dim=1)
    return channels_last(steps.conv_same(x, *normalized("image", weights)))


def features(weights, network, images, size):
    """Four mixed maps: `network` is efficientnet_lite_pytorch's, in evaluation mode."""
    x = F.interpolate(channels_first(images), size, mode="bilinear", align_corners=False)
    x = F.relu6(network._bn0(network._conv_stem(x)))
    maps = []
    for index, block in enumerate(network._blocks):
        x = block(x)
        if index in (2, 4, 10, 15):
            maps.append(x)
    kernels = weights["features"]
    project = lambda x, k: torch.einsum("nihw,io->nohw", x, kernels[2 * k]) + kernels[2 * k + 1][:, None, None]  # noqa: E731
    found, x = [], 0
    for index in reversed(range(4)):
        x = project(maps[index], index) + x
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        x = project(x, 4 + index)
        found.insert(0, x)
    return found


def critic(weights, network, images, size):
    """Logits [N, L]."""
    logits = []
    for index, x in enumerate(features(weights, network, images, size)):
        for halving in range(4 - index):
            name = f"map_{index}_{halving}"
            x = F.pad(x, (1, 1, 1, 1))
            x = steps.conv(x, *normalized(name, weights), stride=2)
            x = F.leaky_relu(batch_norm(x, weights[f"{name}_norm"]), 0.2)
        logits.append(steps.conv(x, *normalized(f"map_{index}_logits", weights)).flatten(1))
    return torch.cat(logits, 1)


def step(generator, critic_weights, network, size, levels, real, latents, noises, optimizers):
    """One step of the critic, then one of the generator, with the hinge over all logits; weights change in place.

    `latents`, `noises` and `optimizers` are pairs: of the critic's step and the generator's; the generator's first of
    the optimizers.
    """
    power_iteration(critic_weights)
    fake = fastgan(generator, latents[0], noises[0], levels).detach()
    score = lambda images: critic(critic_weights, network, images, size)  # noqa: E731
    optimizers[1].descend(F.relu(1 - score(real)).mean() + F.relu(1 + score(fake)).mean())
    power_iteration(generator)
    optimizers[0].descend(-score(fastgan(generator, latents[1], noises[1], levels)).mean())
