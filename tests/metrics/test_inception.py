"""The Inception network of 2015 with random weights against PyTorch: written out here, and torch-fidelity's."""

import numpy as np
import pytest

from kerasgan.metrics import inception

torch = pytest.importorskip("torch", reason="needs PyTorch: make parity")
from torch.nn import functional as F  # noqa: E402

pytestmark = pytest.mark.parity

RNG = np.random.default_rng(0)
NAMES = (*inception.TAPS, "logits", "logits_unbiased")


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
        found = written(torch.tensor(inception.scaled(images).numpy().transpose(0, 3, 1, 2)))
    return images, found, written.state, inception.convert(written.state)


def assert_equal_taps(found, wanted):
    for name in NAMES:
        scale = np.std(wanted[name])  # of the differences between features and images, which a constant has not
        assert np.std(wanted[name], axis=0).mean() > 1e-3 * scale > 0
        np.testing.assert_allclose(found[name], wanted[name], rtol=0, atol=1e-4 * scale, err_msg=name)


def test_every_tap_is_pytorchs(pair):
    images, wanted, _, network = pair
    assert_equal_taps(network(inception.scaled(images)), wanted)


def test_every_tap_is_torch_fidelitys_from_the_same_bytes(pair, tmp_path):
    theirs = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    images, _, state, network = pair
    steps = {name.replace("running_var", "num_batches_tracked"): torch.tensor(0) for name in state if "var" in name}
    torch.save({**state, **steps}, tmp_path / "weights.pth")
    extractor = theirs.FeatureExtractorInceptionV3("ours", list(NAMES), str(tmp_path / "weights.pth"))
    wanted = extractor(torch.tensor(images.transpose(0, 3, 1, 2)))
    assert_equal_taps(network(inception.scaled(images)), {n: value.numpy() for n, value in zip(NAMES, wanted)})
    read = inception.load(tmp_path / "weights.pth")
    for ours, converted in zip(read.weights, network.weights):
        np.testing.assert_array_equal(ours, converted)


def test_it_has_the_published_number_of_weights(pair):
    # keras.applications' Inception v3 has 23,851,784; here batch norms have 17,216 scales and there are 8 more classes
    assert pair[3].count_params() == 23_851_784 + 17_216 + 8 * 2049


@pytest.mark.parametrize(("height", "width"), [(32, 32), (28, 40), (299, 299), (400, 350)])
def test_resizing_is_that_of_both_ports(height, width):
    images = RNG.integers(0, 256, (2, height, width, 3), dtype="uint8")
    moved = torch.tensor(images.transpose(0, 3, 1, 2)).float()
    theirs = F.interpolate(moved / 255, (299, 299), mode="bilinear", align_corners=False)
    found = inception.scaled(images, half_pixel_centers=True)
    np.testing.assert_allclose(found, 2 * theirs.numpy().transpose(0, 2, 3, 1) - 1, atol=2e-4)
    # TensorFlow 1: pixel i of the result is at i * scale of the image
    lines = []
    for size in (height, width):
        places = np.arange(299) * size / 299
        low = np.floor(places).astype(int)
        lines.append((low, np.minimum(low + 1, size - 1), places - low))
    rows = [np.take(images.astype("float64"), index, axis=1) for index in lines[0][:2]]
    mixed = rows[0] + (rows[1] - rows[0]) * lines[0][2][:, None, None]
    columns = [np.take(mixed, index, axis=2) for index in lines[1][:2]]
    expected = columns[0] + (columns[1] - columns[0]) * lines[1][2][:, None]
    np.testing.assert_allclose(inception.scaled(images), (expected - 128) / 128, atol=2e-4)


def test_a_state_dict_that_is_another_is_named(pair):
    state = pair[2]
    missing = {name: value for name, value in state.items() if name != "Mixed_7c.branch_pool.bn.running_var"}
    with pytest.raises(ValueError, match="expected a tensor Mixed_7c.branch_pool.bn.running_var; there is none"):
        inception.convert(missing)
    with pytest.raises(ValueError, match="expected no tensor AuxLogits.fc.weight"):
        inception.convert({**state, "AuxLogits.fc.weight": state["fc.weight"]})
    with pytest.raises(ValueError, match=r"expected fc.weight of shape \(1008, 2048\); got \(1000, 2048\)"):
        inception.convert({**state, "fc.weight": state["fc.weight"][:1000]})
