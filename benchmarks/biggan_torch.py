"""BigGAN of 32 pixels in PyTorch, written as `kerasgan.networks.biggan` is: a peer of `benchmarks.training_peers`.

Spectral normalization is PyTorch's own: one power iteration a call, as kerasgan's.
"""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm


class Generator(nn.Module):
    """From latents [N, 4 chunks] and labels [N] to images [N, 3, 32, 32]."""

    def __init__(self, filters, latent_dim, num_classes, shared_dim=128):
        super().__init__()
        self.chunk, self.width = latent_dim // 4, 4 * filters
        self.embedding = nn.Embedding(num_classes, shared_dim)
        self.dense = spectral_norm(nn.Linear(self.chunk, 16 * self.width))
        self.blocks = nn.ModuleList(_Up(self.width, shared_dim + self.chunk) for _ in range(3))
        self.norm = nn.BatchNorm2d(self.width)
        self.image = _convolution(self.width, 3, 3)

    def forward(self, latents, labels):
        """Generate images."""
        first, *rest = latents.split(self.chunk, 1)
        embedded = self.embedding(labels)
        x = self.dense(first).view(-1, self.width, 4, 4)
        for block, part in zip(self.blocks, rest):
            x = block(x, torch.cat([embedded, part], 1))
        return torch.tanh(self.image(functional.relu(self.norm(x))))


class Critic(nn.Module):
    """From images [N, 3, 32, 32] and labels [N] to logits [N, 1]."""

    def __init__(self, filters, num_classes):
        super().__init__()
        width = 4 * filters
        self.blocks = nn.ModuleList(
            _Down(before, width, down, first)
            for before, down, first in [(3, True, True), (width, True, False), *[(width, False, False)] * 2]
        )
        self.logit = spectral_norm(nn.Linear(width, 1))
        self.projection = spectral_norm(nn.Embedding(num_classes, width))

    def forward(self, images, labels):
        """Judge images."""
        x = images
        for block in self.blocks:
            x = block(x)
        features = functional.relu(x).sum((2, 3))
        return self.logit(features) + (self.projection(labels) * features).sum(1, keepdim=True)


class _Modulated(nn.Module):
    """Batch norm whose gain and bias are linear in a condition."""

    def __init__(self, width, condition):
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.gain, self.bias = (spectral_norm(nn.Linear(condition, width, bias=False)) for _ in range(2))

    def forward(self, x, condition):
        return self.norm(x) * (1 + self.gain(condition))[..., None, None] + self.bias(condition)[..., None, None]


class _Up(nn.Module):
    def __init__(self, width, condition):
        super().__init__()
        self.norms = nn.ModuleList(_Modulated(width, condition) for _ in range(2))
        self.convolutions = nn.ModuleList(_convolution(width, width, 3) for _ in range(2))
        self.shortcut = _convolution(width, width, 1)

    def forward(self, x, condition):
        doubled = self.shortcut(functional.interpolate(x, scale_factor=2))
        x = functional.interpolate(functional.relu(self.norms[0](x, condition)), scale_factor=2)
        x = functional.relu(self.norms[1](self.convolutions[0](x), condition))
        return self.convolutions[1](x) + doubled


class _Down(nn.Module):
    def __init__(self, before, width, down, first):
        super().__init__()
        self.down, self.first = down, first
        self.convolutions = nn.ModuleList(_convolution(size, width, 3) for size in (before, width))
        self.shortcut = _convolution(before, width, 1) if down else nn.Identity()

    def forward(self, x):
        pooled = functional.avg_pool2d if self.down else lambda x, _: x
        shortcut = self.shortcut(pooled(x, 2)) if self.first else pooled(self.shortcut(x), 2)
        x = self.convolutions[0](x if self.first else functional.relu(x))
        return pooled(self.convolutions[1](functional.relu(x)), 2) + shortcut


def _convolution(before, after, size):
    return spectral_norm(nn.Conv2d(before, after, size, padding=size // 2))


def step(generator, critic, optimizers, images, labels, latent_dim):
    """Update the critic once and the generator once, with the hinge loss.

    Args:
        generator: `Generator`.
        critic: `Critic`.
        optimizers: the generator's and the critic's.
        images: real images.
        labels: their classes.
        latent_dim: length of z.
    """
    of_generator, of_critic = optimizers
    with torch.no_grad():
        made = generator(torch.randn(len(images), latent_dim), labels)
    loss = functional.relu(1 - critic(images, labels)).mean() + functional.relu(1 + critic(made, labels)).mean()
    of_critic.zero_grad()
    loss.backward()
    of_critic.step()
    loss = -critic(generator(torch.randn(len(images), latent_dim), labels), labels).mean()
    of_generator.zero_grad()
    loss.backward()
    of_generator.step()
