"""The Inception network of 2015 with random weights against PyTorch's functions, written out here."""

import numpy as np
import pytest

from kerasgan.metrics.features import inception_2015_network
from tests.metrics.test_inception import SIZES, assert_equal_taps

torch = pytest.importorskip("torch", reason="needs PyTorch: make parity")
from torch.nn import functional as F  # noqa: E402

pytestmark = pytest.mark.parity

RNG = np.random.default_rng(0)


class Written:
    """The network in PyTorch's functions; its weights are drawn as they are first used."""

    def __init__(self):
        self.state = {}

    def take(self, name, draw):
        if name not in self.state:
            self.state[name] = torch.tensor(np.asarray(draw(), "float32"))
        return self.state[name]

    def conv(self, x, name, filters, height, width=None, stride=1, padding=(0, 0)):
        shape = (filters, x.shape[1], height, width or height)
        scale = np.sqrt(2.0 / np.prod(shape[1:]))
        x = F.conv2d(x, self.take(f"{name}.conv.weight", lambda: RNG.normal(0, scale, shape)), None, stride, padding)
        draws = {"running_mean": (-0.3, 0.3), "running_var": (0.5, 1.5), "weight": (0.7, 1.3), "bias": (-0.3, 0.3)}
        numbers = [self.take(f"{name}.bn.{part}", lambda a=a: RNG.uniform(*a, filters)) for part, a in draws.items()]
        return F.relu(F.batch_norm(x, *numbers, training=False, eps=0.001))

    def block_a(self, x, name, pooled):
        one = self.conv(x, f"{name}.branch1x1", 64, 1)
        five = self.conv(x, f"{name}.branch5x5_1", 48, 1)
        five = self.conv(five, f"{name}.branch5x5_2", 64, 5, padding=(2, 2))
        double = self.conv(x, f"{name}.branch3x3dbl_1", 64, 1)
        double = self.conv(double, f"{name}.branch3x3dbl_2", 96, 3, padding=(1, 1))
        double = self.conv(double, f"{name}.branch3x3dbl_3", 96, 3, padding=(1, 1))
        mean = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return torch.cat([one, five, double, self.conv(mean, f"{name}.branch_pool", pooled, 1)], 1)

    def block_b(self, x, name):
        double = self.conv(x, f"{name}.branch3x3dbl_1", 64, 1)
        double = self.conv(double, f"{name}.branch3x3dbl_2", 96, 3, padding=(1, 1))
        double = self.conv(double, f"{name}.branch3x3dbl_3", 96, 3, stride=2)
        return torch.cat([self.conv(x, f"{name}.branch3x3", 384, 3, stride=2), double, F.max_pool2d(x, 3, 2)], 1)

    def block_c(self, x, name, width):
        one = self.conv(x, f"{name}.branch1x1", 192, 1)
        seven = self.conv(x, f"{name}.branch7x7_1", width, 1)
        seven = self.conv(seven, f"{name}.branch7x7_2", width, 1, 7, padding=(0, 3))
        seven = self.conv(seven, f"{name}.branch7x7_3", 192, 7, 1, padding=(3, 0))
        double = self.conv(x, f"{name}.branch7x7dbl_1", width, 1)
        double = self.conv(double, f"{name}.branch7x7dbl_2", width, 7, 1, padding=(3, 0))
        double = self.conv(double, f"{name}.branch7x7dbl_3", width, 1, 7, padding=(0, 3))
        double = self.conv(double, f"{name}.branch7x7dbl_4", width, 7, 1, padding=(3, 0))
        double = self.conv(double, f"{name}.branch7x7dbl_5", 192, 1, 7, padding=(0, 3))
        mean = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return torch.cat([one, seven, double, self.conv(mean, f"{name}.branch_pool", 192, 1)], 1)

    def block_d(self, x, name):
        three = self.conv(x, f"{name}.branch3x3_1", 192, 1)
        three = self.conv(three, f"{name}.branch3x3_2", 320, 3, stride=2)
        seven = self.conv(x, f"{name}.branch7x7x3_1", 192, 1)
        seven = self.conv(seven, f"{name}.branch7x7x3_2", 192, 1, 7, padding=(0, 3))
        seven = self.conv(seven, f"{name}.branch7x7x3_3", 192, 7, 1, padding=(3, 0))
        seven = self.conv(seven, f"{name}.branch7x7x3_4", 192, 3, stride=2)
        return torch.cat([three, seven, F.max_pool2d(x, 3, 2)], 1)

    def block_e(self, x, name, pooled):
        one = self.conv(x, f"{name}.branch1x1", 320, 1)
        three = self.conv(x, f"{name}.branch3x3_1", 384, 1)
        three_a = self.conv(three, f"{name}.branch3x3_2a", 384, 1, 3, padding=(0, 1))
        three_b = self.conv(three, f"{name}.branch3x3_2b", 384, 3, 1, padding=(1, 0))
        double = self.conv(x, f"{name}.branch3x3dbl_1", 448, 1)
        double = self.conv(double, f"{name}.branch3x3dbl_2", 384, 3, padding=(1, 1))
        double_a = self.conv(double, f"{name}.branch3x3dbl_3a", 384, 1, 3, padding=(0, 1))
        double_b = self.conv(double, f"{name}.branch3x3dbl_3b", 384, 3, 1, padding=(1, 0))
        pool = self.conv(pooled, f"{name}.branch_pool", 192, 1)
        return torch.cat([one, three_a, three_b, double_a, double_b, pool], 1)

    def __call__(self, x):
        found = {}
        x = self.conv(x, "Conv2d_1a_3x3", 32, 3, stride=2)
        x = self.conv(x, "Conv2d_2a_3x3", 32, 3)
        x = self.conv(x, "Conv2d_2b_3x3", 64, 3, padding=(1, 1))
        x = F.max_pool2d(x, 3, 2)
        found["64"] = x.mean((2, 3))
        x = self.conv(x, "Conv2d_3b_1x1", 80, 1)
        x = self.conv(x, "Conv2d_4a_3x3", 192, 3)
        x = F.max_pool2d(x, 3, 2)
        found["192"] = x.mean((2, 3))
        x = self.block_a(x, "Mixed_5b", 32)
        x = self.block_a(x, "Mixed_5c", 64)
        x = self.block_a(x, "Mixed_5d", 64)
        x = self.block_b(x, "Mixed_6a")
        x = self.block_c(x, "Mixed_6b", 128)
        x = self.block_c(x, "Mixed_6c", 160)
        x = self.block_c(x, "Mixed_6d", 160)
        x = self.block_c(x, "Mixed_6e", 192)
        found["768"] = x.mean((2, 3))
        x = self.block_d(x, "Mixed_7a")
        x = self.block_e(x, "Mixed_7b", F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))
        x = self.block_e(x, "Mixed_7c", F.max_pool2d(x, 3, 1, 1))
        found["2048"] = x = x.mean((2, 3))
        weight = self.take("fc.weight", lambda: RNG.normal(0, 0.02, (1008, 2048)))
        found["logits_unbiased"] = x @ weight.T
        found["logits"] = found["logits_unbiased"] + self.take("fc.bias", lambda: RNG.normal(size=1008))
        return {name: value.numpy() for name, value in found.items()}


@pytest.fixture(scope="module")
def pair():
    """Images, what PyTorch makes of them, the state dict and the converted network."""
    images = RNG.integers(0, 256, (2, 40, 32, 3), dtype="uint8")
    written = Written()
    with torch.no_grad():
        found = written(torch.tensor(inception_2015_network.scaled(images).numpy().transpose(0, 3, 1, 2)))
    return images, found, written.state, inception_2015_network.convert(written.state)


def test_every_tap_is_pytorchs(pair):
    images, wanted, _, network = pair
    assert_equal_taps(network(inception_2015_network.scaled(images)), wanted)


def test_a_file_of_pytorch_is_read(pair, tmp_path):
    _, _, state, network = pair
    steps = {name.replace("running_var", "num_batches_tracked"): torch.tensor(0) for name in state if "var" in name}
    torch.save({**state, **steps}, tmp_path / "weights.pth")
    read = inception_2015_network.load(tmp_path / "weights.pth")
    for ours, converted in zip(read.weights, network.weights, strict=True):
        np.testing.assert_array_equal(ours, converted)


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_resizing_is_pytorchs(height, width):
    images = RNG.integers(0, 256, (2, height, width, 3), dtype="uint8")
    moved = torch.tensor(images.transpose(0, 3, 1, 2)).float()
    theirs = F.interpolate(moved / 255, (299, 299), mode="bilinear", align_corners=False)
    found = inception_2015_network.scaled(images, half_pixel_centers=True)
    np.testing.assert_allclose(found, 2 * theirs.numpy().transpose(0, 2, 3, 1) - 1, atol=2e-4)
