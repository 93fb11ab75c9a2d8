"""Minibatch discrimination against the double loop of the paper."""

import keras
import numpy as np
import pytest

import kerasgan
from kerasgan.layers import MinibatchDiscrimination
from kerasgan.networks import dcgan

X = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


def test_closeness_is_the_papers_sum():
    layer = MinibatchDiscrimination(kernels=4, dim=2)
    layer.build((None, 3))
    matrices = np.einsum("nf,fbc->nbc", X.astype("float64"), layer.kernel.numpy().reshape(3, 4, 2))
    expected = np.zeros((6, 4))
    for i in range(6):
        for j in range(6):
            if i != j:
                expected[i] += np.exp(-np.abs(matrices[i] - matrices[j]).sum(axis=1))
    assert expected.max() < 4.9  # 5 where T is 0, and all are alike
    made = layer(X).numpy()
    np.testing.assert_array_equal(made[:, :3], X)
    np.testing.assert_allclose(made[:, 3:], expected, rtol=1e-5)
    assert keras.Sequential([keras.Input((3,)), layer]).output_shape == (None, 7)


def test_equal_samples_are_at_their_closest():
    made = MinibatchDiscrimination(5)(np.repeat(X[:1], 8, axis=0)).numpy()
    np.testing.assert_allclose(made[:, 3:], 7.0, rtol=1e-6)


def test_dcgan_critic_has_it_before_its_last_layer():
    plain, with_it = (dcgan.critic((32, 32, 1), filters=4, minibatch_kernels=kernels) for kernels in (0, 10))
    features = 4 * 4 * 16
    extra = features * 10 * 5 + 10  # the tensor, and the logit's new inputs
    assert with_it.count_params() - plain.count_params() == extra


def test_a_gradient_penalty_warns_of_it():
    generator = dcgan.generator((32, 32, 1), latent_dim=8, filters=4)
    critic = dcgan.critic((32, 32, 1), filters=4, normalization="layer", minibatch_kernels=3)
    with pytest.warns(UserWarning, match="critic: has minibatch discrimination, which makes a sample's gradient"):
        kerasgan.WGANGP(generator, critic)
    with pytest.raises(ValueError, match="kernels: expected an integer of at least 1, got 0"):
        MinibatchDiscrimination(0)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_the_sum_is_float32_in_mixed_precision(policy):
    """Of 256 equal samples it is 255, where bfloat16 has no numbers between 254 and 256."""
    layer = MinibatchDiscrimination(3, 2, dtype=policy)
    made = layer(np.ones((256, 4), "float32"))
    np.testing.assert_array_equal(
        keras.ops.cast(made, "float32")[:, 4:], keras.ops.cast(keras.ops.cast(255.0, made.dtype), "float32")
    )
