"""DeepMind's generators in Hugging Face's port: the converted networks make the same images."""

import math

import numpy as np
import pytest

from kerasgan.zoo.convert import pytorch_pretrained_biggan

torch = pytest.importorskip("torch", reason="needs PyTorch: make parity")
theirs = pytest.importorskip("pytorch_pretrained_biggan", reason="needs pytorch-pretrained-biggan: make parity")

pytestmark = pytest.mark.parity

LAYERS = {  # (doubles the size, input width, output width), as in the configurations of the package
    128: "FT FT FT FT FT",
    256: "FT FT FT FT FT FT",
    512: "FT FT FT FT FT FT FT",
}
WIDTHS = {
    128: (16, 16, 16, 16, 8, 8, 4, 4, 2, 2, 1),
    256: (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1),
    512: (16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 2, 1, 1, 1),
}


def randomized(size, width, classes=7, latent_dim=12, thresholds=51):
    """Their generator with random weights and statistics, none of them trivial."""
    torch.manual_seed(size)
    config = theirs.BigGANConfig(
        output_dim=size,
        z_dim=latent_dim,
        class_embed_dim=latent_dim,
        channel_width=width,
        num_classes=classes,
        layers=[(up == "T", a, b) for up, a, b in zip(LAYERS[size].replace(" ", ""), WIDTHS[size], WIDTHS[size][1:])],
        attention_layer_position=8,
        n_stats=thresholds,
    )
    model = theirs.BigGAN(config)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name.endswith("running_means"):
                tensor.copy_(torch.randn_like(tensor) * 0.3)
            elif name.endswith("running_vars"):
                tensor.copy_(torch.rand_like(tensor) + 0.5)
            elif name.endswith("gamma"):
                tensor.fill_(0.7)
            elif name in ("generator.bn.weight", "generator.bn.bias"):
                tensor.copy_(torch.randn_like(tensor))
            elif name.endswith("bias"):
                tensor.copy_(torch.randn_like(tensor) * 0.1)
        for _ in range(3):  # in training mode, which moves the singular vectors, random at first
            model.train()(torch.zeros(1, latent_dim), torch.eye(classes)[:1], 1.0)
    return model.eval()


def images(model, sampler, truncation, labels, seed=0):
    """Images [N, H, W, 3] of their model, and of the converted one, for the same latents."""
    z = np.random.default_rng(seed).normal(size=(len(labels), model.config.z_dim)).astype("float32")
    with torch.no_grad():
        one_hot = torch.eye(model.config.num_classes)[labels]
        wanted = model(torch.from_numpy(z), one_hot, truncation).numpy().transpose(0, 2, 3, 1)
    made = sampler.generator([z, np.array(labels), np.full(len(labels), truncation, "float32")], training=False)
    return wanted, made.numpy()


def exact(truncation):
    """Whether their arithmetic finds this threshold in the table, or the middle of two."""
    return math.modf(truncation / 0.02)[0] in (0.0, 0.5)


@pytest.fixture(scope="module")
def small():
    model = randomized(128, 8)
    return model, pytorch_pretrained_biggan.sampler(model.state_dict())


@pytest.mark.parametrize("truncation", [1.0, 0.5, 0.02, 0.25, 0.75])
def test_images_at_128(small, truncation):
    assert exact(truncation)
    wanted, made = images(*small, truncation, [0, 3, 6])
    assert wanted.std() > 0.1 and np.abs(wanted[0] - wanted[1]).max() > 0.1
    np.testing.assert_allclose(made, wanted, atol=1e-4)


def test_each_row_has_the_statistics_of_its_own_truncation(small):
    z = np.random.default_rng(0).normal(size=(3, 12)).astype("float32")
    truncations = np.array([1.0, 0.5, 0.25], "float32")
    made = small[1].generator([z, np.array([1, 2, 1]), truncations], training=False).numpy()
    for row, (label, truncation) in enumerate([(1, 1.0), (2, 0.5), (1, 0.25)]):
        with torch.no_grad():
            wanted = small[0](torch.from_numpy(z[row : row + 1]), torch.eye(7)[[label]], truncation).numpy()
        np.testing.assert_allclose(made[row], wanted[0].transpose(1, 2, 0), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("size", [256, 512])
def test_images_of_other_sizes(size):
    model = randomized(size, 8, thresholds=6)
    wanted, made = images(model, pytorch_pretrained_biggan.sampler(model.state_dict()), 1.0, [1])
    np.testing.assert_allclose(made, wanted, atol=1e-4)


@pytest.mark.slow
def test_images_of_the_published_width():
    model = randomized(128, 128, classes=1000, latent_dim=128)
    sampler = pytorch_pretrained_biggan.sampler(model.state_dict())
    wanted, made = images(model, sampler, 0.5, [207, 933])
    np.testing.assert_allclose(made, wanted, atol=1e-4)
    assert sum(np.prod(v.shape) for v in sampler.generator.trainable_variables) == 50_388_609


def test_a_missing_tensor_is_named(small):
    tensors = {name: value for name, value in small[0].state_dict().items() if name != "generator.gen_z.weight_u"}
    with pytest.raises(ValueError, match="expected a tensor generator.gen_z.weight_u; there is none"):
        pytorch_pretrained_biggan.sampler(tensors)
