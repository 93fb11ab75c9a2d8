"""Checks of the two optimizers: whether they can be meant, and train what they were given."""

import warnings

import keras

from kerasgan.utils.messages import quoted


def optimizer(name, given, variables):
    """Return the optimizer that is meant, `None` for `None`.

    Args:
        name: of the argument.
        given: `keras.optimizers.Optimizer`, a name of one, or its config.
        variables: that it is to train.

    Raises:
        ValueError: if it is none, or was built for other variables, as that of another model was.
    """
    try:
        found = keras.optimizers.get(given)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: expected an object of keras.optimizers.Optimizer, such as keras.optimizers.Adam(2e-4, "
            f"beta_1=0.5), or the name of one; got {quoted(given)}"
        ) from error
    inner = getattr(found, "inner_optimizer", found)  # of a LossScaleOptimizer
    if inner is not None and inner.built:
        wanted = {id(variable) for variable in variables}
        if wanted != {id(variable) for variable in inner._trainable_variables}:
            raise ValueError(f"{name}: expected a new optimizer; got one that has its places for other variables")
    return found


def optimizers(generator_optimizer, critic_optimizer, replicas):
    """Refuse optimizers that cannot be meant, or that Keras does not work with here.

    These are one optimizer for both networks, averages of weights, which only Keras's own training applies, and sums of
    gradients over steps on several replicas, which fail in the first step.
    """
    if generator_optimizer is critic_optimizer:
        raise ValueError("critic_optimizer: expected another object than generator_optimizer; got the same")
    given = {"generator_optimizer": generator_optimizer, "critic_optimizer": critic_optimizer}
    for name, optimizer in given.items():
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        every = (inner, *getattr(inner, "optimizers", ()))
        if replicas > 1 and any(getattr(one, "gradient_accumulation_steps", None) for one in every):
            raise ValueError(
                f"{name}: expected gradient_accumulation_steps=None of an optimizer on {replicas} replicas, where "
                "Keras cannot add up gradients over steps; gan.compile(gradient_accumulation_steps=...) divides batches"
            )
        if any(getattr(one, "use_ema", False) for one in every):
            raise ValueError(
                f"{name}: expected use_ema=False; got True, which would have no effect. The model's argument ema_decay "
                "keeps a moving average of the generator, with which `sample` and `export` work"
            )


def what_is_trained(gan):
    """Refuse variables other than in `compile`, as of frozen layers: optimizers have a place for each trained one.

    Warns where a network has weights and none is trained.
    """
    for name, networks in {"generator": (gan.generator, gan.latent), "critic": (gan.critic,)}.items():
        now = {id(variable): variable for network in networks for variable in network.trainable_variables}
        optimizer = getattr(gan, f"{name}_optimizer")
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        known = {id(variable): variable for variable in optimizer._trainable_variables}
        other = [variable.path for key, variable in {**now, **known}.items() if (key in now) != (key in known)]
        if other:
            raise ValueError(
                f"{name}: expected the trainable variables that it had in `compile`; {other[0]} "
                f"{'and others are' if len(other) > 1 else 'is'} frozen, thawed or replaced since, or the optimizer "
                "is: call compile again, with new optimizers"
            )
        if not now and getattr(gan, name).weights:
            warnings.warn(
                f"{name}: all its layers are frozen, so it is not trained; layer.trainable = True of each of "
                f"gan.{name}.layers, before compile, thaws them",
                stacklevel=4,
            )


def rate_can_be_set(player, gan, who):
    """Raise where a player's learning rate is a schedule: it is computed from the optimizer's step, and cannot be set.

    Args:
        player: "generator" or "critic".
        gan: a compiled `GAN`.
        who: is to set it, in words.
    """
    optimizer = getattr(gan, f"{player}_optimizer")
    rate = getattr(optimizer, "inner_optimizer", optimizer)._learning_rate  # of a LossScaleOptimizer the inner one's
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        raise ValueError(
            f"{player}_optimizer: expected a learning rate that is a number, which {who} can change; got a "
            f"{type(rate).__name__}"
        )
