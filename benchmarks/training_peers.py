"""Training steps by kerasgan and by PyTorch, in turn: `python -m benchmarks.training --peers`.

WGAN-GP, SNGAN and DCGAN are torch-mimicry's of 32 pixels, 64 filters and batches of 32; BigGAN, of batches of 64, is
written in `benchmarks.biggan_torch`. The networks are the same: as many parameters, which is checked. A step is
`critic_steps` updates of the critic and one of the generator, on a batch of noise. PyTorch trains as torch-mimicry's
own `train_step` does, once more with convolutions in the layout that PyTorch's CPU kernels prefer and, where the
processor has bfloat16, under autocast.

    pip install --no-deps torch-mimicry==0.1.16    (and torch, which `make parity` brings)

Of torch-mimicry its networks alone are imported: empty modules stand for its data, metrics and logging, which import
torchvision and TensorFlow 1, and which no step calls.
"""

import contextlib
import dataclasses
import importlib
import math
import statistics
import sys
import time
import types
from collections.abc import Callable
from unittest import mock

import kerasgan
from kerasgan.training import dry_run, runner

PACKAGES = ("torch-mimicry", "torch")
_NOT_CALLED = ("training", "metrics", "datasets")
_FILTERS, _BATCH = 64, 32
_ADAM = "{Adam: {learning_rate: 1e-4, beta_1: 0.0, beta_2: 0.9}}"


@dataclasses.dataclass(frozen=True)
class Case:
    """What is trained.

    Args:
        recipe: of kerasgan's zoo.
        changes: values in place of the recipe's.
        theirs: function of whether to use the layout channels_last, to the networks and a function that takes a step.
    """

    recipe: str
    changes: tuple[str, ...]
    theirs: Callable


def mimicry(critic, objective, package, name, critic_steps):
    """A case of torch-mimicry's residual networks.

    Args:
        critic: kerasgan's, as a recipe has it.
        objective: kerasgan's, as a recipe has it.
        package: of torch-mimicry's networks.
        name: with which its classes begin.
        critic_steps: critic updates a step.
    """
    changes = (
        f"data.batch_size={_BATCH}",
        f"generator.resnet_cifar.generator.filters={_FILTERS}",
        f"critic={critic}",
        f"objective={objective}",
        "techniques={}",
        f"generator_optimizer={_ADAM}",
        f"critic_optimizer={_ADAM}",
    )

    def theirs(tuned):
        import torch

        stand_ins = {f"torch_mimicry.{part}": types.ModuleType(part) for part in _NOT_CALLED}
        with mock.patch.dict(sys.modules, stand_ins):
            module = importlib.import_module(f"torch_mimicry.nets.{package}.{package}_32")
        generator = getattr(module, f"{name}Generator32")(ngf=_FILTERS)
        critic = getattr(module, f"{name}Discriminator32")(ndf=_FILTERS)
        (generator, critic), real, (of_generator, of_critic) = _ready(tuned, generator, critic, _BATCH)
        common = {"log_data": types.SimpleNamespace(add_metric=lambda *_, **__: None), "device": torch.device("cpu")}

        def step():
            for _ in range(critic_steps):
                critic.train_step((real, None), netG=generator, optD=of_critic, **common)
            generator.train_step((real, None), netD=critic, optG=of_generator, **common)

        return (generator, critic), step

    return Case("wgan_gp_resnet_cifar10", changes, theirs)


def biggan(filters=64, batch_size=64, latent_dim=128, num_classes=10):
    """The case of BigGAN."""
    changes = (
        f"data.batch_size={batch_size}",
        f"generator.biggan.generator.filters={filters}",
        f"critic.biggan.critic.filters={filters}",
        "objective={BigGAN: {critic_steps: 1, ema_decay: null}}",
    )

    def theirs(tuned):
        import torch

        from benchmarks import biggan_torch

        generator = biggan_torch.Generator(filters, latent_dim, num_classes)
        critic = biggan_torch.Critic(filters, num_classes)
        networks, real, optimizers = _ready(tuned, generator, critic, batch_size)
        labels = torch.arange(batch_size) % num_classes
        return networks, lambda: biggan_torch.step(*networks, optimizers, real, labels, latent_dim)

    return Case("biggan_cifar10", changes, theirs)


CASES = {
    "WGAN-GP": mimicry(
        f"{{resnet_cifar.critic: {{filters: {_FILTERS}}}}}",
        "{WGANGP: {critic_steps: 2, ema_decay: null}}",
        "wgan_gp",
        "WGANGP",
        2,
    ),
    "SNGAN": mimicry(
        f"{{biggan.critic: {{filters: {_FILTERS // 4}, attention_size: null}}}}",  # the same network
        "{HingeGAN: {critic_steps: 5, ema_decay: null}}",
        "sngan",
        "SNGAN",
        5,
    ),
    "DCGAN": mimicry(
        f"{{resnet_cifar.critic: {{filters: {_FILTERS}}}}}", "{SGAN: {ema_decay: null}}", "dcgan", "DCGAN", 1
    ),
    "BigGAN": biggan(),
}


def ours(case, precision):
    """A function that takes steps of kerasgan's, and returns their seconds; and the number of parameters."""
    plan = runner.planned(case.recipe, changes=case.changes)
    with kerasgan.precision(precision):
        gan = runner.build(plan, plan.data.noise())

    def take(steps):
        with kerasgan.precision(precision):
            return dry_run.take_steps(plan, gan, steps)

    weights = gan.generator.trainable_variables + gan.critic.trainable_variables
    return take, sum(math.prod(weight.shape) for weight in weights)


def theirs(case, tuned, bfloat16):
    """The same of PyTorch's: `tuned`, in the layout channels_last; `bfloat16`, under autocast."""
    import torch

    networks, step = case.theirs(tuned)

    def take(steps):
        seconds = []
        with torch.autocast("cpu", torch.bfloat16) if bfloat16 else contextlib.nullcontext():
            for _ in range(steps):
                began = time.perf_counter()
                step()
                seconds.append(time.perf_counter() - began)
        return seconds

    return take, sum(weight.numel() for network in networks for weight in network.parameters())


def rows(case, bfloat16, rounds=3, steps=3):
    """Medians of a step's seconds, by contender; each round takes steps of all in turn, after one to warm up.

    Args:
        case: `Case`.
        bfloat16: whether the processor computes in it.
        rounds: how many.
        steps: in each.
    """
    contenders = {"PyTorch": theirs(case, False, False)}
    contenders["PyTorch, channels_last"] = theirs(case, True, False)
    if bfloat16:
        contenders["PyTorch, channels_last, bfloat16 autocast"] = theirs(case, True, True)
    for precision in ("float32", *["bfloat16"] * bfloat16):
        contenders[f"kerasgan, {precision}"] = ours(case, precision)
    counts = {name: count for name, (_, count) in contenders.items()}
    if len(set(counts.values())) != 1:
        raise RuntimeError(f"expected as many parameters of all; got {counts}")
    seconds = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, (take, _) in contenders.items():
            taken = take(steps if number else 1)
            seconds[name] += taken if number else ()
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def table(title, found):
    """The rows as Markdown, each with how many times as long PyTorch takes as it is by default."""
    first = next(iter(found.values()))
    lines = [f"| {title} | ms | PyTorch takes |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {1000 * value:.0f} | {first / value:.2f} x |" for name, value in found.items()]
    return "\n".join(lines)


def _ready(tuned, generator, critic, batch_size):
    """The networks and a batch of noise, perhaps in the layout channels_last, and Adam for each network."""
    import torch

    real = torch.rand(batch_size, 3, 32, 32) * 2 - 1
    if tuned:
        generator, critic, real = (part.to(memory_format=torch.channels_last) for part in (generator, critic, real))
    optimizers = [torch.optim.Adam(net.parameters(), 1e-4, betas=(0.0, 0.9)) for net in (generator, critic)]
    return (generator, critic), real, optimizers
