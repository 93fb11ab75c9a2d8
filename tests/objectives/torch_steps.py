"""Whole training steps in PyTorch and float64, written from the papers' algorithms, without Keras.

Weights are lists of tensors in Keras's order and layouts (convolution kernels height, width, in, out; transposed ones
height, width, out, in), so that they compare without conversion; the networks turn them to PyTorch's where they are
used. Images come as Keras has them, [N, H, W, C].
"""

import math

import torch
from torch.nn import functional as F

KEEP_DCGAN, KEEP_KERAS = 0.9, 0.99  # momentum of the moving statistics


def tensors(variables):
    """Copy Keras variables into float64 tensors, leaves of autograd where they are trained."""
    return [torch.tensor(v.numpy(), dtype=torch.float64).requires_grad_(v.trainable) for v in variables]


# Layers


def channels_first(x):
    return x.permute(0, 3, 1, 2)


def channels_last(x):
    return x.permute(0, 2, 3, 1)


def conv(x, kernel, bias=None, stride=1):
    """Without padding."""
    return F.conv2d(x, kernel.permute(3, 2, 0, 1).contiguous(), bias, stride)


def conv_same(x, kernel, bias=None, stride=1):
    """TensorFlow's padding: as many outputs as strides fit in, the odd row of padding at the end."""
    size, width = x.shape[-1], kernel.shape[0]
    padding = max((-(-size // stride) - 1) * stride + width - size, 0)
    before, after = padding // 2, padding - padding // 2
    return conv(F.pad(x, (before, after, before, after)), kernel, bias, stride)


def conv_transpose(x, kernel, bias=None, stride=1):
    """Without padding."""
    return F.conv_transpose2d(x, kernel.permute(3, 2, 0, 1), bias, stride)


def conv_transpose_same(x, kernel, stride):
    """The transpose of `conv_same`: the full transposed convolution, less what that pads."""
    size = x.shape[-1] * stride
    before = max(kernel.shape[0] - stride, 0) // 2
    full = conv_transpose(x, kernel, stride=stride)
    return full[:, :, before : before + size, before : before + size]


def batch_norm(x, gamma, beta, mean, variance, epsilon, keep):
    """In training mode; the moving statistics take the batch's, the variance without Bessel's correction."""
    with torch.no_grad():
        mean.mul_(keep).add_((1 - keep) * x.mean((0, 2, 3)))
        variance.mul_(keep).add_((1 - keep) * x.var((0, 2, 3), correction=0))
    return F.batch_norm(x, None, None, gamma, beta, training=True, eps=epsilon)


# Networks


def take(weights, count):
    return [next(weights) for _ in range(count)]


def dcgan_generator(weights, z):
    w = iter(weights)
    kernel = next(w)
    x = channels_first((z @ kernel).reshape(len(z), 4, 4, -1))
    for _ in range(3):
        x = F.relu(batch_norm(x, *take(w, 4), epsilon=1e-5, keep=KEEP_DCGAN))
        x = conv_transpose_same(x, next(w), stride=2)
    assert not list(w)
    return channels_last(torch.tanh(x))


def dcgan_critic(weights, images):
    """With layer norm, whose bias makes that of the convolutions needless, or without and with biases."""
    w = iter(weights)
    normalized = weights[1].ndim > 1
    x = channels_first(images)
    for index in range(3):
        x = conv_same(x, *take(w, 1 if normalized else 2), stride=2)
        x = F.group_norm(x, 1, *take(w, 2), eps=1e-5) if normalized and index else x
        x = F.leaky_relu(x, 0.2)
    logits = channels_last(x).flatten(1) @ next(w)
    return logits if normalized else logits + next(w)


def small_t_generator(weights, z):
    w = iter(weights)
    x = z[:, :, None, None]
    for stride in (1, 2, 1, 2, 1):
        x = conv_transpose(x, *take(w, 2), stride=stride)
        x = F.silu(batch_norm(x, *take(w, 4), epsilon=1e-3, keep=KEEP_KERAS))
    x = conv(x, *take(w, 2))
    assert not list(w)
    return channels_last(torch.tanh(x))


def small_t_encoder(weights, images, sigma):
    w = iter(weights)
    x = channels_first(images)
    for stride in (1, 2, 1, 2):
        u, v, kernel, bias = take(w, 4)
        x = conv(x, kernel / sigma(kernel, u, v), bias, stride)
        x = F.silu(batch_norm(x, *take(w, 4), epsilon=1e-3, keep=KEEP_KERAS))
    u, v, kernel, bias = take(w, 4)
    assert not list(w)
    return conv(x, kernel / sigma(kernel, u, v), bias).mean((2, 3))


def small_t_head(weights, differences, sigma):
    u, v, kernel, bias, last_u, last_v, last = weights
    hidden = F.silu(differences @ (kernel / sigma(kernel, u, v)) + bias)
    return hidden @ (last / sigma(last, last_u, last_v))


# Spectral normalization: W has a row for each output channel; all kernels here have that axis last


def rows(kernel):
    return kernel.reshape(-1, kernel.shape[-1]).T


def spectral_sigma(kernel, u, v):
    """u^T W v; u and v need no gradient, W does."""
    return u @ rows(kernel) @ v


def constant_sigma(kernel, u, v):
    """A mistake: sigma without its gradient."""
    return spectral_sigma(kernel, u, v).detach()


@torch.no_grad()
def power_iteration(weights):
    """Move every (u, v) of a list of weights, where they stand before their kernel, by one iteration."""
    for place, kernel in enumerate(weights):
        if kernel.ndim > 1:
            u, v = weights[place - 2 : place]
            v.copy_(F.normalize(rows(kernel).T @ u, dim=0))
            u.copy_(F.normalize(rows(kernel) @ v, dim=0))


# Optimizers


class SGD:
    """Plain gradient descent of the trained among the weights."""

    def __init__(self, weights, rate):
        self.weights = [weight for weight in weights if weight.requires_grad]
        self.optimizer = torch.optim.SGD(self.weights, lr=rate)

    def descend(self, loss):
        """Take one step down the gradient of a loss."""
        for weight, gradient in zip(self.weights, torch.autograd.grad(loss, self.weights)):
            weight.grad = gradient
        self.optimizer.step()


class Adam(SGD):
    """`torch.optim.Adam` with Keras's epsilon.

    With m and v corrected for their start, PyTorch divides m by sqrt(v / (1 - b2^t)) + epsilon. Keras divides by
    (sqrt(v) + epsilon) / sqrt(1 - b2^t), the "epsilon hat" of Kingma and Ba's section 2, which is PyTorch's with
    epsilon / sqrt(1 - b2^t) in step t.
    """

    def __init__(self, weights, rate, betas, epsilon):
        super().__init__(weights, rate)
        self.optimizer = torch.optim.Adam(self.weights, lr=rate, betas=betas)
        self.second, self.epsilon, self.steps = betas[1], epsilon, 0

    def descend(self, loss):
        """Take one step down the gradient of a loss."""
        self.steps += 1
        self.optimizer.param_groups[0]["eps"] = self.epsilon / math.sqrt(1 - self.second**self.steps)
        super().descend(loss)


# Steps


def wgan_gp_step(generator, critic, reals, latents, last_latents, eps, optimizers, penalty_weight=10.0):
    """Algorithm 1 of arXiv:1704.00028: a critic step for each batch of `reals`, then one of the generator.

    Args:
        generator: weights of `dcgan_generator`, changed in place.
        critic: weights of `dcgan_critic`, changed in place.
        reals: images of each critic step.
        latents: z of each critic step.
        last_latents: z of the generator step.
        eps: [N, 1, 1, 1], the places between real and generated images, of each critic step.
        optimizers: the generator's and the critic's.
        penalty_weight: lambda.
    """
    generator_optimizer, critic_optimizer = optimizers
    for real, z, share in zip(reals, latents, eps, strict=True):
        fake = dcgan_generator(generator, z).detach()
        between = (share * real + (1 - share) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(dcgan_critic(critic, between).sum(), between, create_graph=True)
        penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        distance = dcgan_critic(critic, real).mean() - dcgan_critic(critic, fake).mean()
        critic_optimizer.descend(-distance + penalty_weight * penalty)
    generator_optimizer.descend(-dcgan_critic(critic, dcgan_generator(generator, last_latents)).mean())


def t_sgan_step(generator, encoder, head, reals, latents, optimizers, sigma=spectral_sigma, iterations=1):
    """T-SGAN of arXiv:1810.10948: one step of the critic D(E(a) - E(b)), then a generator step a further real batch.

    Args:
        generator: weights of `small_t_generator`, changed in place.
        encoder: weights of `small_t_encoder`, changed in place.
        head: weights of `small_t_head`, changed in place.
        reals: images of each step.
        latents: z of each step.
        optimizers: the generator's, and the critic's of encoder and head.
        sigma: `spectral_sigma`, or a mistake.
        iterations: of the power method before the critic step.
    """
    generator_optimizer, critic_optimizer = optimizers

    def loss(better, worse):
        difference = small_t_encoder(encoder, better, sigma) - small_t_encoder(encoder, worse, sigma)
        forward, backward = (small_t_head(head, sign * difference, sigma) for sign in (1, -1))
        ones, zeros = torch.ones_like(forward), torch.zeros_like(backward)
        cross_entropy = F.binary_cross_entropy_with_logits
        return cross_entropy(forward, ones) + cross_entropy(backward, zeros)

    for _ in range(iterations):
        power_iteration(encoder)
        power_iteration(head)
    critic_optimizer.descend(loss(reals[0], small_t_generator(generator, latents[0]).detach()))
    for real, z in zip(reals[1:], latents[1:], strict=True):
        generator_optimizer.descend(loss(small_t_generator(generator, z), real))
