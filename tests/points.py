"""A model of points in the plane for any objective, for tests that all objectives must pass."""

import keras
import numpy as np
import tensorflow as tf

import kerasgan
from kerasgan import layers, techniques
from kerasgan.networks.pairwise import PairwiseCritic

CLASSES = 3
REFERENCE = 4


def gan(objective, with_techniques=False, **arguments):
    """Return a model, not compiled, the same at each call: batch norm, spectral norm, a learned mixture for latents.

    Args:
        objective: name of the class.
        with_techniques: whether to add every technique, virtual batch norm and minibatch discrimination.
        **arguments: of the class.
    """
    keras.utils.set_random_seed(1)
    kind = getattr(kerasgan, objective)
    plug_ins = []
    if with_techniques:
        fading = keras.optimizers.schedules.PolynomialDecay(0.3, 10, 0.0)
        plug_ins = [
            techniques.InstanceNoise(fading),
            techniques.HistoricalAveraging(0.5),
            techniques.FeatureMatching(order=2, add=True),
            techniques.OrthogonalRegularization(0.1, critic=True),
            techniques.SingularValuePenalty(0.1, ratio=1.5, generator=False, critic=True),
            techniques.SingularValueClamp(ratio=1.1),
            techniques.R1(0.1, every=2),
            techniques.R2(0.1),
            techniques.GradientPenalty(0.1, every=2),
        ]
        plug_ins = [one for one in plug_ins if not {*one.tracked} & {*kind.tracked}]  # which the objective has already
    return kind(
        generator(kind.classifying_critic, with_techniques),
        critic(kind, with_techniques),
        latent=kerasgan.latents.GaussianMixture(4, components=3, by_slot=True),
        techniques=plug_ins,
        ema_decay=0.9,
        seed=5,
        **({"num_classes": CLASSES} if kind.classifying_critic else {}),
        **arguments,
    )


def generator(conditional, virtual):
    """Return a generator with synchronized or virtual batch norm, no weight of which a loss leaves alone."""
    z, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    x = z
    if conditional:
        x = keras.layers.Concatenate()([z, keras.layers.Embedding(CLASSES, 2)(labels)])
    x = layers.ReferenceBatch(REFERENCE)(x) if virtual else x
    x = keras.layers.Dense(16, use_bias=False)(x)
    x = layers.VirtualBatchNormalization(REFERENCE)(x) if virtual else _batch_norm()(x)
    x = layers.DropReference(REFERENCE)(x) if virtual else x
    return keras.Model([z, labels] if conditional else z, keras.layers.Dense(2, use_bias=False)(x))


def critic(kind, virtual):
    """Return a critic of the kind that the objective asks for, with virtual batch norm and minibatch discrimination."""
    x = points = keras.Input((2,))
    x = layers.ReferenceBatch(REFERENCE)(x) if virtual else x
    x = layers.SpectralNormalization(keras.layers.Dense(16, use_bias=not virtual))(x)
    x = keras.layers.Activation("tanh")(layers.VirtualBatchNormalization(REFERENCE)(x) if virtual else x)
    x = layers.DropReference(REFERENCE)(x) if virtual else x
    x = layers.MinibatchDiscrimination(4, 2)(x) if virtual and not kind.pairwise_critic else x
    # a bias at the end would not move where the loss is of differences
    made = keras.layers.Dense(8 if kind.feature_critic else 1, use_bias=False)(x)
    if kind.classifying_critic:
        made = [made, keras.layers.Dense(CLASSES)(x)]
    network = keras.Model(points, made)
    return PairwiseCritic(network) if kind.pairwise_critic else network


def data(model, batches, rows=12):
    """Return batches of points for the model, with labels where it wants some, `rows` a minibatch."""
    numbers = np.random.default_rng(3)
    count = rows * model.batches_per_step
    values = numbers.uniform(-1, 1, (batches * count, *model.image_shape)).astype("float32")
    if model.num_classes is not None:
        values = (values, numbers.integers(0, model.num_classes, batches * count))
    return tf.data.Dataset.from_tensor_slices(values).batch(count, drop_remainder=True)


def _batch_norm():
    return keras.layers.BatchNormalization(synchronized=True)
