"""A step of WGAN-GP by kerasgan and by torch-mimicry, in turn: `python -m benchmarks.training --peers`.

The networks are WGAN-GP's for CIFAR-10, as both have them: as many parameters, which is checked. A step is
`critic_steps` updates of the critic and one of the generator, on a batch of noise. torch-mimicry trains as its own
`train_step` does, and once more with its convolutions in the layout that PyTorch's CPU kernels prefer and, where the
processor has bfloat16, under autocast.

    pip install --no-deps torch-mimicry==0.1.16    (and torch, which `make parity` brings)

Of torch-mimicry its networks alone are imported: empty modules stand for its data, metrics and logging, which import
torchvision and TensorFlow 1, and which no step calls.
"""

import contextlib
import math
import statistics
import sys
import time
import types
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan.networks import resnet_cifar

PACKAGES = ("torch-mimicry", "torch")
_NOT_CALLED = ("training", "metrics", "datasets")


class _Seconds(keras.callbacks.Callback):
    """The seconds of each step."""

    def __init__(self):
        super().__init__()
        self.taken = []

    def on_train_batch_begin(self, batch, logs=None):
        """Look at the clock."""
        self._began = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        """Look again."""
        self.taken.append(time.perf_counter() - self._began)


def ours(precision, filters, batch_size, critic_steps):
    """A function that takes steps of kerasgan's, and returns their seconds; and the number of parameters."""
    generator = resnet_cifar.generator(filters=filters)
    critic = resnet_cifar.critic(filters=filters)
    gan = kerasgan.WGANGP(generator, critic, critic_steps=critic_steps, ema_decay=None)
    gan.compile()
    shape = (batch_size * critic_steps, 32, 32, 3)
    noise = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")

    def take(steps):
        clock = _Seconds()
        with kerasgan.precision(precision):
            gan.fit(tf.data.Dataset.from_tensors(noise).repeat(steps), verbose=0, callbacks=[clock])
        return clock.taken

    return take, _parameters(generator.trainable_variables + critic.trainable_variables)


def theirs(tuned, bfloat16, filters, batch_size, critic_steps):
    """The same of torch-mimicry's.

    Args:
        tuned: whether to use PyTorch's channels-last layout.
        bfloat16: whether to compute under autocast, too.
        filters: as of `rows`.
        batch_size: as of `rows`.
        critic_steps: as of `rows`.
    """
    import torch

    stand_ins = {f"torch_mimicry.{name}": types.ModuleType(name) for name in _NOT_CALLED}
    with mock.patch.dict(sys.modules, stand_ins):
        from torch_mimicry.nets.wgan_gp import wgan_gp_32
    generator = wgan_gp_32.WGANGPGenerator32(ngf=filters)
    critic = wgan_gp_32.WGANGPDiscriminator32(ndf=filters)
    real = torch.from_numpy(np.random.default_rng(0).uniform(-1, 1, (batch_size, 3, 32, 32)).astype("float32"))
    if tuned:
        generator, critic, real = (part.to(memory_format=torch.channels_last) for part in (generator, critic, real))
    optimizers = [torch.optim.Adam(net.parameters(), 1e-4, betas=(0.0, 0.9)) for net in (generator, critic)]
    common = {"log_data": types.SimpleNamespace(add_metric=lambda *_, **__: None), "device": torch.device("cpu")}

    def step():
        for _ in range(critic_steps):
            critic.train_step((real, None), netG=generator, optD=optimizers[1], **common)
        generator.train_step((real, None), netD=critic, optG=optimizers[0], **common)

    def take(steps):
        seconds = []
        with torch.autocast("cpu", torch.bfloat16) if bfloat16 else contextlib.nullcontext():
            for _ in range(steps):
                began = time.perf_counter()
                step()
                seconds.append(time.perf_counter() - began)
        return seconds

    return take, sum(weight.numel() for net in (generator, critic) for weight in net.parameters())


def rows(bfloat16, filters=64, batch_size=32, critic_steps=2, rounds=3, steps=3):
    """Medians of a step's seconds, by contender; each round takes steps of all in turn, after one to warm up.

    Args:
        bfloat16: whether the processor computes in it.
        filters: channels of all blocks.
        batch_size: images of an update.
        critic_steps: critic updates a step.
        rounds: how many.
        steps: in each.
    """
    sizes = filters, batch_size, critic_steps
    contenders = {"torch-mimicry": theirs(False, False, *sizes)}
    contenders["torch-mimicry, channels_last"] = theirs(True, False, *sizes)
    if bfloat16:
        contenders["torch-mimicry, channels_last, bfloat16 autocast"] = theirs(True, True, *sizes)
    for precision in ("float32", *["bfloat16"] * bfloat16):
        contenders[f"kerasgan, {precision}"] = ours(precision, *sizes)
    counts = {name: count for name, (_, count) in contenders.items()}
    if len(set(counts.values())) != 1:
        raise RuntimeError(f"expected as many parameters of all; got {counts}")
    seconds = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, (take, _) in contenders.items():
            taken = take(steps if number else 1)
            seconds[name] += taken if number else ()
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def table(found):
    """The rows as Markdown, each with how many times as long torch-mimicry as shipped takes."""
    first = next(iter(found.values()))
    lines = ["| WGAN-GP, 32 pixels | ms | torch-mimicry takes |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {1000 * value:.0f} | {first / value:.2f} x |" for name, value in found.items()]
    return "\n".join(lines)


def _parameters(variables):
    return sum(math.prod(variable.shape) for variable in variables)
