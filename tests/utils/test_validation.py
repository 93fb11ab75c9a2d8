"""Checks of single arguments."""

import functools
import pathlib

import numpy as np
import pytest

import kerasgan
from kerasgan import callbacks, layers, metrics, networks, techniques
from kerasgan.data import text
from kerasgan.recipes import recipe
from kerasgan.server import ModelOptions, ServerOptions
from kerasgan.studies import low_data, objectives, toy
from kerasgan.training import evaluation
from kerasgan.utils import validation


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.25), np.int64(0)])
def test_a_number_is_given_back(value):
    assert validation.below_one("rate", value) is validation.not_negative("rate", value) is value
    assert validation.positive("rate", value + 1) == value + 1


@pytest.mark.parametrize("value", [1, -0.1, float("nan"), "0.5", None, True, [0.5], np.array([0.1, 0.2])])
def test_what_is_no_such_number_is_named(value):
    with pytest.raises(ValueError, match=r"^rate: expected a number in \[0, 1\); got "):
        validation.below_one("rate", value)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (callbacks.RollBack, "factor"),
        (techniques.AveragedCritic, "decay"),
        (techniques.FeatureMatching, "weight"),
        (techniques.OrthogonalRegularization, "weight"),
        (kerasgan.latents.ScaledTruncatedNormal, "bound"),
    ],
)
def test_a_text_is_no_number(make, argument):
    with pytest.raises(ValueError, match=f"^{argument}: expected a.* number.*; got '0.5'"):
        make(**{argument: "0.5"})


@pytest.mark.parametrize(
    ("argument", "make"),
    [
        ("by_slot", lambda text: kerasgan.latents.GaussianMixture(2, by_slot=text)),
        ("learned_weights", lambda text: kerasgan.latents.GaussianMixture(2, learned_weights=text)),
        ("auxiliary", lambda text: networks.mlp.critic(num_classes=3, auxiliary=text)),
        ("synchronized", lambda text: layers.ConditionalBatchNormalization(3, synchronized=text)),
        ("synchronized", lambda text: layers.ModulatedBatchNormalization(synchronized=text)),
        ("color", lambda text: techniques.DiffAugment(color=text)),
    ],
)
def test_a_text_is_no_boolean(argument, make):
    with pytest.raises(ValueError, match=f"^{argument}: expected True or False; got 'no'"):
        make("no")


@pytest.mark.parametrize("value", [-1.0, float("nan"), "x"])
@pytest.mark.parametrize(
    "layer",
    [
        layers.SampleNormalization,
        layers.SelfAttention,
        layers.StoredBatchNormalization,
        layers.VirtualBatchNormalization,
        layers.ModulatedBatchNormalization,
        functools.partial(layers.ConditionalBatchNormalization, 3),
    ],
)
def test_an_epsilon_that_cannot_be_meant_is_named_by_layers(layer, value):
    with pytest.raises(ValueError, match="^epsilon: expected a "):
        layer(epsilon=value)


@pytest.mark.parametrize("size", [3, (3,), (3, 0), "33"])
def test_a_size_that_is_no_pair_is_named(size):
    with pytest.raises(ValueError, match="^size: expected "):
        layers.PlaceWeights(size)


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("tags", lambda one: ModelOptions(tags=one)),
        ("allowed_hosts", lambda one: ServerOptions(allowed_hosts=one)),
        ("grpc_arguments", lambda one: ServerOptions(grpc_arguments=one)),
        ("models", evaluation.evaluate),
        ("changes", lambda one: recipe.load("sgan_fashion_mnist", one)),
        ("notes", lambda one: metrics.evaluate_images(np.zeros((2, 32, 32, 1), "uint8"), None, notes=one)),
        ("lines", lambda one: text.split(one, 3)),
        ("lines", text.Vocabulary.of),
        ("lines", text.Vocabulary("ab").encode),
        ("objectives", lambda one: toy.run(objective_names=one)),
        ("methods", lambda one: low_data.run("never", methods=one)),
        ("recipes", objectives.run),
    ],
)
def test_a_text_where_several_are_meant_is_not_read_letter_by_letter(argument, call):
    with pytest.raises(ValueError, match=f"^{argument}: expected a (list|tuple); got 'serve', which is one alone"):
        call("serve")


def test_a_path_is_no_list_of_paths():
    with pytest.raises(ValueError, match=r"^models: expected a list; got PosixPath\('a'\), .*: write \[PosixPath"):
        evaluation.evaluate(pathlib.Path("a"))
