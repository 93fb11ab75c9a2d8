"""One step of an optimizer down the gradient of an objective's loss."""

import keras
import tensorflow as tf
from keras import ops

from kerasgan.layers import SpectralNormalization
from kerasgan.models import added_losses
from kerasgan.models.batch import Batch
from kerasgan.utils import replica_shares


def take(gan, name, loss, args, networks, optimizer):
    """Take a step for the trainable variables of networks, with gradients accumulated over parts of the batches.

    Args:
        gan: `GAN`.
        name: of the loss in the logs.
        loss: function of `args` to a scalar.
        args: `Batch`es, which are divided into parts, and other values.
        networks: list of those that are trained.
        optimizer: `keras.optimizers.Optimizer`.
    """
    variables = [variable for network in networks for variable in network.trainable_variables]
    for layer in (layer for network in networks for layer in network._flatten_layers()):
        if isinstance(layer, SpectralNormalization):
            layer.update()
    count = gan.gradient_accumulation_steps
    divided = [arg.parts(count) if isinstance(arg, Batch) else [arg] * count for arg in args]
    sums = None
    for part in zip(*divided):
        if sums is not None:
            there = [gradient for gradient in sums if gradient is not None]
            part = tuple(arg.after(there) if isinstance(arg, Batch) else arg for arg in part)
        gradients = _gradients(gan, name, loss, part, networks, variables, optimizer)
        sums = gradients if sums is None else _added(sums, gradients)
    optimizer.apply(replica_shares.for_all(optimizer, sums, variables), variables)
    for technique in gan.techniques:
        technique.after_update(variables)


def loss_scaled(optimizer, network):
    """Return the optimizer, wrapped in a `LossScaleOptimizer` where the network computes in float16."""
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if scales or all(layer.compute_dtype != "float16" for layer in network._flatten_layers()):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def settings(optimizer):
    """Return the numbers, switches and schedules that an optimizer's step is built of: a dict for each one in it."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
    every = () if inner is None else (inner, *getattr(inner, "optimizers", ()))
    return [{name: value for name, value in vars(one).items() if _is_setting(value)} for one in every]


def _is_setting(value):
    return value is None or isinstance(value, (int, float, str)) or callable(value)


def _gradients(gan, name, loss, args, networks, variables, optimizer):
    """Track the loss, and return the gradients of loss and penalties, scaled by the batch's share and for float16.

    The shares of all parts on all replicas add up to 1, and so do their gradients to that of the whole minibatch.
    """
    batch = next((arg for arg in args if isinstance(arg, Batch)), None)
    share = replica_shares.current_share() if batch is None else batch.share()
    with replica_shares.counting(share):
        with tf.GradientTape() as tape, added_losses.collected(networks) as penalties:
            value = _scalar(gan, name, loss(*args))
            penalties += [variable.regularizer(variable) for variable in variables if variable.regularizer]
            penalties += [technique.penalty(variables) for technique in gan.techniques]
            scaled = optimizer.scale_loss((ops.cast(value, "float32") + sum(penalties)) * share)
        gan.track(**{name: value})
    gradients = tape.gradient(scaled, variables)
    # A gradient need not depend on all that the loss has read (WGAN's is constant in the last kernel). Without this
    # TensorFlow was seen to update a kernel before the forward pass had read it.
    with tf.control_dependencies([value]):
        return tf.nest.map_structure(
            lambda part: part if part is None else tf.identity(part), gradients, expand_composites=True
        )


def _scalar(gan, name, value):
    """Return the value of a loss, which is to be the mean over the rows: their sum would train N times as fast."""
    shape = tf.convert_to_tensor(value).shape
    if shape.rank:
        raise ValueError(
            f"{name}: expected a scalar of {type(gan).__name__}.{name} and its techniques; got a tensor of shape "
            f"{tuple(shape)}: keras.ops.mean makes one of the rows' losses"
        )
    return value


def _added(sums, gradients):
    """Add gradients, some of which may be `None` or those of embeddings."""
    pairs = zip(sums, gradients, strict=True)
    return [None if a is None else tf.convert_to_tensor(a) + tf.convert_to_tensor(b) for a, b in pairs]
