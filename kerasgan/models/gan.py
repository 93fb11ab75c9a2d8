"""`GAN`: what all objectives share of building, training, saving and loading."""

import functools
import inspect
import numbers
import typing
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from kerasgan import latents
from kerasgan.models import (
    adapting,
    callback_checks,
    checks,
    critic_loop,
    fit_checks,
    moving_average,
    network_checks,
    optimizer_checks,
    training_data,
    update,
)
from kerasgan.models.batch import Batch, Data
from kerasgan.models.game import Game
from kerasgan.optimizers import schedules
from kerasgan.optimizers.adam import Adam
from kerasgan.optimizers.schedules import Schedule
from kerasgan.utils import precision, replica_shares, validation, workers
from kerasgan.utils.annotations import Config
from kerasgan.utils.keyed_random import LoopIndex
from kerasgan.utils.lasting import Lasting
from kerasgan.utils.messages import quoted
from kerasgan.utils.tensors import Tensor

_STATISTICS_STEP = "statistics_step"  # in weights files, beside the model's own variables
_FIRST_DIGEST = "first_digest"  # likewise
_RANDOM = "seed_generator_state_"  # in files, before the number of a layer's state


@functools.cache
def _arguments(kind):
    """The names of what the constructors of an objective take."""
    inits = [vars(base)["__init__"] for base in kind.__mro__ if issubclass(base, GAN) and "__init__" in vars(base)]
    return {name for init in inits for name in inspect.signature(init).parameters}


class GANArguments(typing.TypedDict, total=False):
    """The arguments that `GAN` takes beside the two networks, for objectives that pass them on."""

    latent: latents.Prior | None
    num_classes: int | None
    critic_steps: int
    ema_decay: float | Schedule | None
    seed: int
    techniques: Sequence[keras.layers.Layer]
    generator_steps: int
    class_names: Sequence[str] | None
    name: str | None


class GAN(Lasting, Game):
    """A generator and a critic (discriminator) that train with `fit`; the base of all objectives.

    A subclass defines `critic_loss(real, fake)` and `generator_loss(real, *purpose)` for the alternating game of
    `train_step`, or writes an algorithm of its own with the same verbs, which are those of `kerasgan.models.game.Game`.

    Args:
        generator: `keras.Model` from latents [N, D] (or the pair of latents and labels [N]) to images
            [N, H, W, C] in [-1, 1].
        critic: `keras.Model` from images (or the pair of images and labels) to logits [N, 1].
        latent: prior of z, a `kerasgan.latents.Prior`; `Normal` of the generator's length by default.
        num_classes: number of classes of a conditional model, which trains on (images, labels); `None` for an
            unconditional one, which ignores labels.
        critic_steps: critic updates a training step, each on fresh real data: one batch of the training data is
            divided into `batches_per_step` minibatches.
        ema_decay: decay of the generator's moving average, with which `sample` and `export` work: trainable
            variables averaged (the decay grows as (1 + t) / (10 + t) up to this value), with batch-norm statistics
            of its own, see `prepare_sampling`. A schedule from the training step to the decay, such as
            `kerasgan.schedules.HalfLife`, is taken as it is. `None` for no average.
        seed: integer, the seed of all random numbers of the training.
        techniques: list of `kerasgan.techniques.Technique`, plug-ins such as `InstanceNoise` and `FeatureMatching`.
        generator_steps: generator updates a training step, each on fresh latents, and on fresh real data where the
            objective's loss of the generator uses them.
        class_names: list of the classes' names, see `Sampler`.
        name: optional model name.

    Raises:
        ValueError: if generator, critic, latent, num_classes, class_names and techniques do not fit together.

    Example:
        >>> class Wasserstein(kerasgan.GAN):  # an objective of one's own; kerasgan.SGAN and others are such classes
        ...     def critic_loss(self, real, fake):
        ...         return keras.ops.mean(self.score(fake)) - keras.ops.mean(self.score(real))
        ...
        ...     def generator_loss(self, real, *purpose):
        ...         return -keras.ops.mean(self.score(self.fake(real, "generator", *purpose)))
        >>> gan = Wasserstein(generator, critic, critic_steps=5)
        >>> gan.compile()
        >>> gan.fit(images, epochs=2)  # uint8 [N, 32, 32, 1]
    """

    _unchecked = False  # whether an argument was set since the constructor, or `fit`, has checked it

    def __init__(
        self,
        generator: keras.Model,
        critic: keras.Model,
        latent: latents.Prior | None = None,
        num_classes: int | None = None,
        critic_steps: int = 1,
        ema_decay: float | Schedule | None = 0.999,
        seed: int = 0,
        techniques: Sequence[keras.layers.Layer] = (),
        generator_steps: int = 1,
        class_names: Sequence[str] | None = None,
        name: str | None = None,
    ):
        techniques = fit_checks.techniques(techniques)
        classifying = self.classifying_critic or any(technique.classifies for technique in techniques)
        network_checks.networks_fit(
            generator,
            critic,
            num_classes,
            self.pairwise_critic,
            self.feature_critic,
            classifying,
            self.patch_critic,
        )
        super().__init__(generator, latent, num_classes, class_names, name)
        checks.prior_can_learn(self)
        is_decay = ema_decay is None or isinstance(ema_decay, Schedule)
        if not is_decay and not (isinstance(ema_decay, numbers.Real) and 0 <= float(ema_decay) < 1):
            raise ValueError(f"ema_decay: expected a number in [0, 1), a schedule or None; got {quoted(ema_decay)}")
        self.critic = critic
        self.classifying_critic = classifying
        self.critic_steps = validation.integer("critic_steps", critic_steps, 1)
        self.generator_steps = validation.integer("generator_steps", generator_steps, 1)
        self.ema_decay = ema_decay
        self.seed = validation.integer_within("seed", seed, np.int64)
        adapting.generator_to_prior(self)
        self._statistics_step: int | None = None  # the step whose batch-norm statistics the average has
        self.ema_generator = self.ema_latent = None
        if ema_decay is not None:
            self.ema_generator, self.ema_latent = moving_average.copies(generator, self.latent)
            self.reset_average()
        self.techniques = techniques
        for technique in self.techniques:
            technique.attach(self)
            technique._attached = True  # where a user's own `attach` does not call the one above it
        self.step = self.add_weight(shape=(), dtype="int64", initializer="zeros", trainable=False, name="step")
        names = ("critic_loss", "generator_loss", *self.tracked)
        names += tuple(name for technique in self.techniques for name in technique.tracked)
        checks.logged_once(names)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.generator_optimizer: keras.optimizers.Optimizer | None = None
        self.critic_optimizer: keras.optimizers.Optimizer | None = None
        self.gradient_accumulation_steps = 1
        self._rewrites = False
        self._parts: list[Config] = []  # configs of the prior and the techniques that the training step was built of
        self._compiled_with: list[Any] = []  # what of `compile` it was built of

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; one of the constructor's arguments is checked, and counts, from the next `fit` on."""
        again = name in vars(self)
        super().__setattr__(name, value)
        if name in _arguments(type(self)):  # type: ignore[arg-type]  # a class has a hash
            self._changed = True
            if again:
                self._unchecked = True

    # What a user calls

    def default_optimizer(self) -> keras.optimizers.Optimizer:
        """Return a new optimizer of the objective's paper, for either network."""
        return Adam(2e-4, beta_1=0.5)

    def default_generator_optimizer(self) -> keras.optimizers.Optimizer:
        """Return a new optimizer for the generator; `default_optimizer`, unless the objective has two."""
        return self.default_optimizer()

    def default_critic_optimizer(self) -> keras.optimizers.Optimizer:
        """Return a new optimizer for the critic; `default_optimizer`, unless the objective has two."""
        return self.default_optimizer()

    def compile(
        self,
        generator_optimizer: str | keras.optimizers.Optimizer | None = None,
        critic_optimizer: str | keras.optimizers.Optimizer | None = None,
        jit_compile: bool = False,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        gradient_accumulation_steps: int = 1,
        **of_keras,
    ) -> None:
        """Set the optimizers.

        Networks that compute in float16 get a `keras.optimizers.LossScaleOptimizer` around each optimizer.

        Args:
            generator_optimizer: a `keras.optimizers.Optimizer` or its name; the paper's by default.
            critic_optimizer: the same for the critic; not the same object.
            jit_compile: whether to compile the training step with XLA; on one replica alone.
            run_eagerly: whether to run the training step eagerly, for debugging.
            steps_per_execution: training steps a call of the compiled function.
            gradient_accumulation_steps: parts of each minibatch, as equal as they can be. Their gradients are averaged
                into one step of the optimizer: where losses are means over rows, the step of the whole minibatch in
                the memory of one part. Batch norm, and losses with means of their own (`RaSGAN`), see the part.
            **of_keras: other arguments of `keras.Model.compile`, which mean nothing here and are refused.

        Raises:
            ValueError: if one optimizer object is given for both networks, an optimizer is none, has trained other
                variables, keeps an average of weights (`use_ema`) or, on several replicas, adds up gradients over steps
                (`gradient_accumulation_steps` of the optimizer), or a number is not a positive integer. Then the model
                stays as it was compiled before.

        Example:
            >>> adam = kerasgan.optimizers.Adam
            >>> gan.compile(adam(1e-4, beta_1=0.0, beta_2=0.9), adam(4e-4, beta_1=0.0, beta_2=0.9))
        """
        fit_checks.arguments_of_compile(of_keras)
        parts = validation.integer("gradient_accumulation_steps", gradient_accumulation_steps, 1)
        validation.integer("steps_per_execution", steps_per_execution, 1)
        of_generator = self.generator.trainable_variables + self.latent.trainable_variables
        of_critic = self.critic.trainable_variables
        with self.distribute_strategy.scope():
            generator_optimizer = optimizer_checks.optimizer("generator_optimizer", generator_optimizer, of_generator)
            critic_optimizer = optimizer_checks.optimizer("critic_optimizer", critic_optimizer, of_critic)
            generator_optimizer = generator_optimizer or self.default_generator_optimizer()
            critic_optimizer = critic_optimizer or self.default_critic_optimizer()
            optimizer_checks.optimizers(
                generator_optimizer, critic_optimizer, self.distribute_strategy.num_replicas_in_sync
            )
            super().compile(
                optimizer=None,
                jit_compile=jit_compile,
                run_eagerly=run_eagerly,
                steps_per_execution=steps_per_execution,
            )
            self.gradient_accumulation_steps = parts
            self.generator_optimizer = update.loss_scaled(generator_optimizer, self.generator)
            self.critic_optimizer = update.loss_scaled(critic_optimizer, self.critic)
            self.generator_optimizer.build(of_generator)
            self.critic_optimizer.build(of_critic)

    def fit(
        self,
        x: tf.data.Dataset | tf.distribute.DistributedDataset | npt.ArrayLike | None = None,
        y: npt.ArrayLike | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        **of_keras,
    ) -> keras.callbacks.History:
        """Train.

        Data and callbacks are checked before the first step, and each batch as it comes. A last batch with fewer rows
        than its minibatches need is left out, with a warning. Replicas share a batch evenly, and take the steps that
        one replica takes.

        Args:
            x: a `tf.data.Dataset` of images or (images, labels), batches of `batches_per_step` times the batch size,
                such as `kerasgan.data.load` makes: images uint8 [N, H, W, C] in [0, 255] or floats in [-1, 1]; labels
                integers [N] or [N, 1] or one-hot [N, num_classes]. Or a `tf.distribute.DistributedDataset` of them. Or
                arrays: images uint8 or floats in [-1, 1], [N, H, W, C] or [N, H, W]; or other values, floats [N, ...],
                as the generator makes. The order of an array's rows goes on where the model's last step left it.
            y: labels of the images in an array `x`, for a conditional model, as above.
            batch_size: real images in each critic step, for an array `x`; 64 by default.
            epochs: number of passes over the data, those before `initial_epoch` counted.
            verbose: as in `keras.Model.fit`.
            callbacks: list of `keras.callbacks.Callback`. Those that ask for `model.optimizer` are refused, as a GAN
                has two optimizers: give these `keras.optimizers.schedules`, or see `kerasgan.callbacks.Adapted`.
            initial_epoch: as in `keras.Model.fit`.
            steps_per_epoch: training steps an epoch, a multiple of `steps_per_execution`. An endless dataset needs it;
                one that ends begins anew.
            **of_keras: other arguments of `keras.Model.fit`, which mean nothing here and are refused.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: if the data are not images of the generator's shape, finite and in [-1, 1], with labels in
                [0, num_classes) for a conditional model; are endless or have no batch; or if an argument or a callback
                cannot be meant.

        Example:
            >>> source = kerasgan.data.folder("pictures", channels=1)
            >>> data = kerasgan.data.load(source, image_size=32, batch_size=32, critic_steps=gan.batches_per_step)
            >>> history = gan.fit(data, epochs=2, callbacks=[kerasgan.callbacks.SampleGrid("samples", every=1)])
            >>> gan.fit(images, batch_size=32)  # or arrays
        """
        fit_checks.arguments_of_keras(of_keras)
        replicas = self.distribute_strategy.num_replicas_in_sync
        fit_checks.numbers(epochs, steps_per_epoch, self.steps_per_execution, replicas, initial_epoch)
        is_dataset = isinstance(x, (tf.data.Dataset, tf.distribute.DistributedDataset))
        callback_checks.callbacks(callbacks, self.trackers, arrays=not is_dataset)
        self._check()
        data, steps = training_data.checked(self, x, y, batch_size, steps_per_epoch)
        adapting.critic_to_data(self, data, steps if steps_per_epoch is None else None)
        if isinstance(data, tf.data.Dataset) and steps is not None:
            data = data.repeat()  # Keras has epochs without a step where data end whose number it does not know
        if isinstance(data, tf.data.Dataset) and replicas > 1:
            data = replica_shares.among_replicas(data, self.distribute_strategy, self.batches_per_step)
        self.prepare_sampling()  # where weights were set by hand, the average begins with them
        begun = int(self.step.numpy())
        if begun == 0:
            for technique in self.techniques:
                technique.begin(self)
        self._initial_epoch = None  # Keras keeps what BackupAndRestore has set, and the next fit would begin there
        try:
            with fit_checks.ending_quietly(steps):
                history = keras.Model.fit(
                    self,
                    data,
                    epochs=epochs,
                    verbose=verbose,
                    callbacks=[] if callbacks is None else callbacks,  # MLflow's autolog adds to a list
                    shuffle=False,
                    initial_epoch=initial_epoch,
                    steps_per_epoch=steps,
                )
        except tf.errors.OpError as error:
            training_data.raise_error(error)
            raise
        first_epoch = self._initial_epoch or initial_epoch
        if int(self.step.numpy()) == begun and first_epoch < epochs and not self.stop_training:
            raise ValueError(f"{training_data.MARK}expected a batch at least; there was none to take a step with")
        self.prepare_sampling()
        return history

    def reset_average(self) -> None:
        """Make the moving average a copy of generator and prior.

        Call it after weights were put into `generator` by hand, as from a pretrained network; before the first
        training step it happens by itself. Later the next use takes batch norm's statistics anew, as after a step: see
        `prepare_sampling`.

        Example:
            >>> gan.generator.load_weights("pretrained.weights.h5")
            >>> gan.reset_average()
        """
        for average, network in ((self.ema_generator, self.generator), (self.ema_latent, self.latent)):
            if average is not None:
                average.set_weights(network.get_weights())
        self._statistics_step = None
        self._first_digest = moving_average.digest(self.generator, self.latent)

    def prepare_sampling(self) -> None:
        """Bring the moving average up to date: batch norm gets the statistics of the averaged weights.

        The trained network's statistics do not fit averaged weights. So means and variances are taken anew, as the
        averages of those of 16 batches of 64 new images in training mode (`kerasgan.standing_statistics`), drawn with
        the model's seed: the cost of 1,024 images. `sample`, `save`, `save_weights`, `export`, `fit` when it ends and
        all that measures call this; once it was called, it costs nothing until the next training step, and nothing
        at all without batch norm. Batch norm that is frozen (`trainable=False`) keeps the statistics that it has in
        `generator`. Call it before `ema_generator` is used directly after steps without `fit`.

        Raises:
            ValueError: if the generator has other variables than the average, after `enable_lora` or `quantize`.
        """
        checks.average_fits(self)
        step = int(self.step.numpy())
        if self.ema_generator is None:
            return
        moving_average.follow_prior(self)
        if self._statistics_step == step:
            return
        if step > 0:
            moving_average.take_statistics(self)
            self._statistics_step = step
        elif moving_average.digest(self.ema_generator, self.ema_latent) == self._first_digest:
            self.reset_average()

    @property
    def batches_per_step(self) -> int:
        """Minibatches of real data in a training step: one a critic step, and one a generator step that sees them."""
        return self.critic_steps + (self.generator_steps if self.generator_sees_real else 0)

    @property
    def sampling_generator(self) -> keras.Model:
        """The generator that `sample` and `export` use: the moving average, where there is one."""
        return self.generator if self.ema_generator is None else self.ema_generator

    @property
    def sampling_latent(self) -> latents.Prior:
        """The prior that `sample` and `export` use: the moving average of its weights, where there is one."""
        return self.latent if self.ema_latent is None else self.ema_latent

    @property
    def averaged(self) -> bool:
        """Whether `sample` works with the moving average."""
        return self.ema_generator is not None

    @property
    def trained_against(self) -> str | None:
        """The feature network that the critic looks through; see `Sampler.trained_against`."""
        known = (getattr(layer, "frozen_network", None) for layer in self.critic._flatten_layers())
        return next(filter(None, known), None)

    # The game

    def train_step(self, data: Data) -> dict[str, Tensor]:
        """Train the critic `critic_steps` times on fresh data, then the generator; returns the logs.

        This is algorithm 1 of Goodfellow et al. 2014 (arXiv:1406.2661) with the losses of the objective.
        """
        batches = self.minibatches(data)
        real = self.train_critic(batches)
        self.train_generator(batches, real)
        return self.end_step()

    def train_critic(self, batches: Iterator[Batch]) -> Batch:
        """Call `critic_step` `critic_steps` times, on fresh real data each.

        In a graph on one replica these calls are a loop, for which `critic_step` is built once.

        Args:
            batches: `minibatches`, of which it takes the first.

        Returns:
            The last real `Batch`.
        """
        return critic_loop.run(self.critic_step, [next(batches) for _ in range(self.critic_steps)])

    def critic_step(self, real: Batch, k: int | LoopIndex) -> None:
        """Train the critic once.

        Args:
            real: `Batch` of real data.
            k: which of the `critic_steps` it is, for the purposes of what is drawn; in a graph a `LoopIndex`.
        """
        self.update_critic(self.critic_loss, real, self.fake(real, "critic", k))

    def train_generator(self, batches: Iterator[Batch], real: Batch) -> None:
        """Train the generator `generator_steps` times, on fresh latents each.

        Args:
            batches: what is left of `minibatches`: real data for each step, where the generator sees real data.
            real: `Batch` to go on with where nothing is left: its rows and labels.
        """
        for k in range(self.generator_steps):
            real = next(batches, real)
            self.update_generator(self.generator_loss, real, *((k,) if k else ()))

    def critic_loss(self, real: Batch, fake: Batch) -> Tensor:
        """Return the critic's loss of two `Batch`es, a scalar; an objective defines it."""
        raise NotImplementedError(f"{type(self).__name__} defines no critic_loss; kerasgan.SGAN, for one, does")

    def generator_loss(self, real: Batch, *purpose: int) -> Tensor:
        """Return the generator's loss, a scalar, of images that are made for the purpose ("generator", *purpose).

        `real` is for its number of rows, labels and real images; the purpose tells the steps of the generator apart.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no generator_loss")

    # What Keras calls

    def get_config(self) -> Config:
        """Return the constructor's arguments, networks and latent serialized."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "critic": serialize(self.critic),
            "critic_steps": self.critic_steps,
            "ema_decay": schedules.serialized(self.ema_decay),
            "seed": self.seed,
            "techniques": [serialize(technique) for technique in self.techniques],
            "generator_steps": self.generator_steps,
        }

    def get_compile_config(self) -> Config | None:
        """Return the arguments of `compile`, optimizers serialized; `None` of a model that is not compiled."""
        if not self.compiled:
            return None
        return {
            "generator_optimizer": keras.optimizers.serialize(self.generator_optimizer),
            "critic_optimizer": keras.optimizers.serialize(self.critic_optimizer),
            "jit_compile": self.jit_compile,
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    def compile_from_config(self, config: Config) -> None:
        """Compile with a `get_compile_config`."""
        self.compile(**config)

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Set all weights, as `keras.Model.set_weights` does.

        An average that is a copy then goes on following the generator before the first step, see `reset_average`.
        """
        super().set_weights(weights)
        self._statistics_step = None
        if self.ema_generator is not None:
            trained = moving_average.digest(self.generator, self.latent)
            if trained == moving_average.digest(self.ema_generator, self.ema_latent):
                self._first_digest = trained

    def make_train_function(self, force: bool = False) -> None:
        """Make the function that takes steps, as Keras does, in the precision of a block of `kerasgan.precision`."""
        rewrites = precision.is_rewriting()
        parts = self._configs_of_parts()
        changed = self._changed or parts != self._parts or self._settings() != self._compiled_with
        if self.train_function is None or force or rewrites != self._rewrites or changed:
            function = self._make_function(self._step_once_data_are_there)
            self.train_function: Any = precision.rewritten(function) if rewrites else function
            self._rewrites, self._parts, self._changed = rewrites, parts, False
            self._compiled_with = self._settings()

    def _settings(self):
        """What of `compile` the step is built of, also where it was set since."""
        own = self.jit_compile, self.run_eagerly, self.steps_per_execution, self.gradient_accumulation_steps
        return [own, *update.settings(self.generator_optimizer), *update.settings(self.critic_optimizer)]

    def _check(self):
        """Raise, or warn of, what `fit` cannot mean of the model as it is now."""
        replicas = self.distribute_strategy.num_replicas_in_sync
        validation.integer("gradient_accumulation_steps", self.gradient_accumulation_steps, 1)
        if self.compiled:
            optimizer_checks.optimizers(self.generator_optimizer, self.critic_optimizer, replicas)
        fit_checks.can_compute(precision.is_rewriting(), self.jit_compile, self.run_eagerly, replicas)
        fit_checks.layers_compute_in(self, precision.layers_in())
        fit_checks.batch_norm(self, replicas)
        if self._unchecked or (self._parts and self._parts != self._configs_of_parts()):
            fit_checks.arguments(self, _arguments(type(self)))  # type: ignore[arg-type]
            self._unchecked = False
        checks.can_train(self)
        if self.compiled:
            optimizer_checks.what_is_trained(self)

    def _configs_of_parts(self):
        return [part.get_config() for part in (self.latent, *self.techniques)]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Save the step, the states of random layers such as `Dropout`, and what is known of the average.

        Keras leaves out the states. Of the average: the step whose batch-norm statistics it has and, before the first
        step, the digest that tells one which was left alone.
        """
        super().save_own_variables(store)
        for name, state in self._random_states().items():
            store[name] = state
        if self._statistics_step is not None:
            store[_STATISTICS_STEP] = np.int64(self._statistics_step)
        if self.ema_generator is not None and int(self.step.numpy()) == 0:
            store[_FIRST_DIGEST] = np.array(self._first_digest, np.int64)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Load what `save_own_variables` has saved, now or before it saved more than the step."""
        saved = {name: store[name] for name in store.keys()}  # noqa: SIM118
        self._statistics_step = int(np.asarray(saved.pop(_STATISTICS_STEP))) if _STATISTICS_STEP in saved else None
        if _FIRST_DIGEST in saved:
            self._first_digest = np.asarray(saved.pop(_FIRST_DIGEST)).tolist()
        states = self._random_states()
        for name in [name for name in saved if name.startswith(_RANDOM)]:
            state = saved.pop(name)
            if name in states:
                states[name].assign(state)
        super().load_own_variables(saved)

    def _random_states(self):
        """Names to the states of the seed generators of all layers, in the layers' order."""
        states = {id(variable): variable for variable in self.variables if variable.name == "seed_generator_state"}
        return {f"{_RANDOM}{index}": state for index, state in enumerate(states.values())}

    def _step_once_data_are_there(self, data):
        """Take a step of which nothing runs before its data are there.

        Keras asks for data once more after the last, where it does not know how many there are. What does not depend on
        data, such as a random layer's next state, would run in that step that is none.
        """
        with tf.control_dependencies(tf.nest.flatten(data)):
            logs = self.train_step(data)
        if not workers.are_several(self.distribute_strategy):
            return logs
        return {name: tf.reshape(value, [1]) for name, value in logs.items()}  # Keras 3.15 reduces them over axis 0

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Do nothing, as the networks come built: Keras would take a batch from the data for it."""
