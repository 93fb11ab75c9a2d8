"""A small generator of each family: `NAME: (module, image shape, arguments of the generator)`."""

from kerasgan import networks

FAMILIES = {
    "biggan": (networks.biggan, (32, 32, 1), {"filters": 4, "shared_dim": 8, "attention_size": 16}),
    "biggan_deep": (networks.biggan_deep, (32, 32, 1), {"filters": 4, "shared_dim": 8, "thresholds": 5}),
    "dcgan": (networks.dcgan, (32, 32, 3), {"filters": 4}),
    "dcgan, virtual": (networks.dcgan, (32, 32, 1), {"filters": 4, "normalization": "virtual", "reference_size": 4}),
    "fastgan": (networks.fastgan, (16, 16, 1), {"filters": 2}),
    "r3gan": (networks.r3gan, (16, 16, 1), {"widths": (8, 6, 4), "groups": (2, 3, 1), "blocks": 1}),
    "random_architectures": (networks.random_architectures, (32, 32, 1), {"filters": 4}),
    "resnet_bottleneck": (networks.resnet_bottleneck, (64, 64, 1), {"filters": 4, "blocks": 1}),
    "resnet_cifar": (networks.resnet_cifar, (32, 32, 1), {"filters": 4}),
    "robustness": (networks.robustness, (32, 32, 1), {"filters": 2, "nonlinearity": "gated"}),
    "tgan": (networks.tgan, (32, 32, 1), {}),
}


def generator(name):
    """A new generator of a family, and its number of classes."""
    module, shape, arguments = FAMILIES[name]
    classes = None if name == "dcgan, virtual" else 3
    return module.generator(shape, latent_dim=8, num_classes=classes, **arguments), classes
