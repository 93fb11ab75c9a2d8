"""Record what ajbrock/BigGAN-PyTorch computes: `python tests/data/record_biggan_pytorch.py CLONE SIZE FILTERS OUT`.

Weights are random, of few levels a tensor, so that the file compresses to a few bits a weight. Singular vectors have
gone through one forward pass in training mode, and batch norm's statistics are not those of a new network.
"""

import sys

import numpy as np
import torch

LEVELS = 4


def coarse(tensor, generator):
    """Random numbers around 0, of few different values, in the size of a usual initialization."""
    fan_in = max(1, tensor[0].numel()) if tensor.ndim else 1
    steps = torch.randint(0, LEVELS, tensor.shape, generator=generator) - (LEVELS - 1) / 2
    return steps * (2.0 / LEVELS / fan_in**0.5)


def randomize(module, generator):
    for name, tensor in module.state_dict().items():
        kind = name.rpartition(".")[2]
        if kind == "stored_var":
            tensor.copy_(0.5 + (coarse(tensor, generator) + 1) / 2)
        elif kind == "sv0":
            continue
        elif name.endswith("output_layer.0.gain"):
            tensor.copy_(1 + coarse(tensor, generator) / 4)
        else:
            tensor.copy_(coarse(tensor, generator) + (0.5 if kind == "gamma" else 0.0))


def main(clone, size, filters, out):
    sys.path.insert(0, clone)
    import BigGAN

    generator = torch.Generator().manual_seed(size)
    shared = dict(resolution=size, n_classes=10, SN_eps=1e-6, BN_eps=1e-5, no_optim=True)
    g = BigGAN.Generator(G_ch=filters, dim_z=120, G_attn="64", shared_dim=128 // 8, hier=True, **shared)
    d = BigGAN.Discriminator(D_ch=filters, D_attn="64", **shared)
    z, y = torch.randn(2, g.dim_z, generator=generator), torch.tensor([3, 8])
    real = torch.randint(0, LEVELS, (2, 3, size, size), generator=generator) * (2 / (LEVELS - 1)) - 1
    with torch.no_grad():
        for module in (g, d):
            randomize(module, generator)
        g.train()(z, g.shared(y)), d.train()(real, y)  # moves the singular vectors
        image, logit = g.eval()(z, g.shared(y)), d.eval()(real, y)
    recording = {"z": z, "y": y, "image": image, "d_input": real, "d_logit": logit}
    for prefix, module in (("G", g), ("D", d)):
        recording |= {f"{prefix}/{name}": tensor for name, tensor in module.state_dict().items()}
    np.savez_compressed(out, **{name: tensor.numpy() for name, tensor in recording.items()})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
