"""`GAN`: what all objectives share."""

import contextlib
import numbers
import typing
import zlib

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kerasgan.layers import SpectralNormalization
from kerasgan.models import adapting, added_losses, checks, fit_checks, standing_statistics, training_data
from kerasgan.models.sampler import Sampler
from kerasgan.optimizers import schedules
from kerasgan.optimizers.schedules import Schedule
from kerasgan.utils import keyed_random, replica_shares, validation
from kerasgan.utils.messages import quoted

_STATISTICS_STEP = "statistics_step"  # in weights files, beside the model's own variables
_FIRST_DIGEST = "first_digest"  # likewise
_RANDOM = "seed_generator_state_"  # in files, before the number of a layer's state


class Batch(typing.NamedTuple):
    """Images float32 [N, H, W, C] in [-1, 1] and, for a conditional model, their labels int32 [N] (else `None`).

    `place` is (first row, rows of all): where these rows lie in the minibatch of all replicas. `None` says that the
    replicas' rows follow one another. `whole` is false for a part of this replica's rows, for which gradients are
    accumulated. `purpose`, strings and integers unique in the step, says what the images are, such as ("real", k): the
    random numbers of `GAN.seen` are keyed by it.
    """

    images: tf.Tensor
    labels: tf.Tensor | None
    place: tuple | None = None
    whole: bool = True
    purpose: tuple = ()


class GAN(Sampler):
    """A generator and a critic (discriminator) that train with `fit`; the base of all objectives.

    A subclass defines `critic_loss(real, fake)` and `generator_loss(real, *purpose)` for the alternating game of
    `train_step`, or writes an algorithm of its own with the same verbs: `minibatches(data)` gives fresh real data,
    `fake(like, *purpose)` generates, `score(batch)` asks the critic (which sees `seen(batch)`),
    `update_critic(loss, *args)` and `update_generator(loss, *args)` take an optimizer step, `track(**values)` logs,
    `end_step()` closes the step. Losses are means over the local batch; the verbs scale them, so that two replicas with
    half the batch take the same step as one with all of it, and divide the batch where gradients are accumulated.

    Random numbers are keyed by (seed, step, purpose), so a run resumed from a checkpoint draws what it would have
    drawn, on any number of replicas.

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
    """

    tracked = ()  # names of further values that the objective logs
    pairwise_critic = False  # whether the critic compares two images
    feature_critic = False  # whether the critic gives features rather than one logit
    generator_sees_real = False  # whether the generator's loss uses real images, so that it needs fresh ones
    classifying_critic = False  # whether the critic gives class logits too, instead of taking labels
    patch_critic = False  # whether the critic gives any number of logits an image, rather than one
    signed_critic = False  # whether logits are trained to be positive for real images and negative for generated ones
    ema_start = 0  # step until which the moving average is a copy
    ema_ramp = 10  # the average's decay in its step t is at most (1 + t) / (ema_ramp + t)

    def __init__(
        self,
        generator,
        critic,
        latent=None,
        num_classes: int | None = None,
        critic_steps: int = 1,
        ema_decay: float | Schedule | None = 0.999,
        seed: int = 0,
        techniques=(),
        generator_steps: int = 1,
        class_names: list[str] | None = None,
        name: str | None = None,
    ):
        techniques = fit_checks.techniques(techniques)
        classifying = self.classifying_critic or any(technique.classifies for technique in techniques)
        checks.networks_fit(
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
        if not is_decay and not (isinstance(ema_decay, numbers.Real) and 0 <= ema_decay < 1):
            raise ValueError(f"ema_decay: expected a number in [0, 1), a schedule or None; got {quoted(ema_decay)}")
        self.critic = critic
        self.classifying_critic = classifying
        self.critic_steps = validation.integer("critic_steps", critic_steps, 1)
        self.generator_steps = validation.integer("generator_steps", generator_steps, 1)
        self.ema_decay = ema_decay
        self.seed = validation.integer_within("seed", seed, np.int64)
        adapting.generator_to_prior(self)
        self.ema_generator = self.ema_latent = None
        if ema_decay is not None:
            self.ema_generator = keras.models.clone_model(generator)
            self.ema_generator.trainable = False
            self.ema_latent = self.latent.__class__.from_config(self.latent.get_config())
            self.ema_latent.trainable = False
            self.reset_average()
            self._first_digest = _digest(generator, self.latent)
        self._statistics_step = None  # the step whose batch-norm statistics the average has
        self.techniques = techniques
        for technique in self.techniques:
            technique.attach(self)
        self.step = self.add_weight(shape=(), dtype="int64", initializer="zeros", trainable=False, name="step")
        names = ("critic_loss", "generator_loss", *self.tracked)
        names += tuple(name for technique in self.techniques for name in technique.tracked)
        checks.logged_once(names)
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self.generator_optimizer = None
        self.critic_optimizer = None
        self.gradient_accumulation_steps = 1

    # What a user calls

    def default_optimizer(self):
        """Return a new optimizer of the objective's paper, for either network."""
        return keras.optimizers.Adam(2e-4, beta_1=0.5)

    def default_generator_optimizer(self):
        """Return a new optimizer for the generator; `default_optimizer`, unless the objective has two."""
        return self.default_optimizer()

    def default_critic_optimizer(self):
        """Return a new optimizer for the critic; `default_optimizer`, unless the objective has two."""
        return self.default_optimizer()

    def compile(
        self,
        generator_optimizer=None,
        critic_optimizer=None,
        jit_compile=False,
        run_eagerly=False,
        steps_per_execution=1,
        gradient_accumulation_steps=1,
    ):
        """Set the optimizers.

        Networks that compute in float16 get a `keras.optimizers.LossScaleOptimizer` around each optimizer.

        Args:
            generator_optimizer: a `keras.optimizers.Optimizer` or its name; the paper's by default.
            critic_optimizer: the same for the critic; not the same object.
            jit_compile: whether to compile the training step with XLA.
            run_eagerly: whether to run the training step eagerly, for debugging.
            steps_per_execution: training steps a call of the compiled function.
            gradient_accumulation_steps: into how many parts each minibatch is divided, equal ones where the rows can be
                shared equally, whose gradients are averaged before the optimizer's step: the step of the whole
                minibatch in the memory of one part, where losses are means over rows. Batch norm, and losses with means
                of their own (`RaSGAN`), see the part.

        Raises:
            ValueError: if one optimizer object is given for both networks, an optimizer keeps an average of weights
                (`use_ema`), or a number is not a positive integer.
        """
        self.gradient_accumulation_steps = validation.integer(
            "gradient_accumulation_steps", gradient_accumulation_steps, 1
        )
        validation.integer("steps_per_execution", steps_per_execution, 1)
        super().compile(
            optimizer=None,
            jit_compile=jit_compile,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
        )
        with self.distribute_strategy.scope():
            generator_optimizer = keras.optimizers.get(generator_optimizer) or self.default_generator_optimizer()
            critic_optimizer = keras.optimizers.get(critic_optimizer) or self.default_critic_optimizer()
            fit_checks.optimizers(generator_optimizer, critic_optimizer)
            self.generator_optimizer = _loss_scaled(generator_optimizer, self.generator)
            self.critic_optimizer = _loss_scaled(critic_optimizer, self.critic)
            self.generator_optimizer.build(self.generator.trainable_variables + self.latent.trainable_variables)
            self.critic_optimizer.build(self.critic.trainable_variables)

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        initial_epoch=0,
        steps_per_epoch=None,
        **of_keras,
    ):
        """Train.

        Data and callbacks are checked before the first step, and each batch as it comes. A last batch with fewer rows
        than its minibatches need is left out, with a warning. Replicas share a batch evenly, and take the steps that
        one replica takes.

        Args:
            x: a `tf.data.Dataset` of images or (images, labels), batches of `batches_per_step` times the batch size,
                such as `kerasgan.data.load` makes: images uint8 [N, H, W, C] in [0, 255] or floats in [-1, 1]; labels
                integers [N] or [N, 1] or one-hot [N, num_classes]. Or a `tf.distribute.DistributedDataset` of them. Or
                arrays: images uint8 or floats in [-1, 1], [N, H, W, C] or [N, H, W]; or other values, floats [N, ...],
                as the generator makes.
            y: labels of the images in an array `x`, for a conditional model, as above.
            batch_size: real images in each critic step, for an array `x`; 64 by default.
            epochs: number of passes over the data.
            verbose: as in `keras.Model.fit`.
            callbacks: list of `keras.callbacks.Callback`. Those of Keras that change `model.optimizer` are refused, as
                a GAN has two optimizers: give them `keras.optimizers.schedules`.
            initial_epoch: as in `keras.Model.fit`.
            steps_per_epoch: training steps an epoch, for an endless dataset; a multiple of `steps_per_execution`.
            **of_keras: other arguments of `keras.Model.fit`, which mean nothing here and are refused.

        Returns:
            `keras.callbacks.History`.

        Raises:
            ValueError: if the data are not images of the generator's shape, finite and in [-1, 1], with labels in
                [0, num_classes) for a conditional model; are endless or have no batch; or if an argument or a callback
                cannot be meant.
        """
        fit_checks.arguments_of_keras(of_keras)
        replicas = self.distribute_strategy.num_replicas_in_sync
        fit_checks.numbers(epochs, steps_per_epoch, self.steps_per_execution, replicas)
        fit_checks.callbacks(callbacks, self.trackers)
        if self.compiled:
            fit_checks.optimizers(self.generator_optimizer, self.critic_optimizer)
        checks.can_train(self)
        data = training_data.checked(self, x, y, batch_size, steps_per_epoch)
        adapting.critic_to_data(self, data)
        if isinstance(data, tf.data.Dataset) and self.distribute_strategy.num_replicas_in_sync > 1:
            data = replica_shares.among_replicas(data, self.distribute_strategy, self.batches_per_step)
        self.prepare_sampling()  # where weights were set by hand, the average begins with them
        begun = int(self.step.numpy())
        try:
            with fit_checks.ending_quietly(steps_per_epoch):
                history = keras.Model.fit(
                    self,
                    data,
                    epochs=epochs,
                    verbose=verbose,
                    callbacks=callbacks,
                    shuffle=False,
                    initial_epoch=initial_epoch,
                    steps_per_epoch=steps_per_epoch,
                )
        except tf.errors.OpError as error:
            training_data.raise_error(error)
            raise
        if int(self.step.numpy()) == begun and initial_epoch < epochs and not self.stop_training:
            raise ValueError(f"{training_data.MARK}expected a batch at least; there was none to take a step with")
        self.prepare_sampling()
        return history

    def reset_average(self):
        """Make the moving average a copy of generator and prior.

        Call it after weights were put into `generator` by hand, as from a pretrained network; before the first
        training step it happens by itself.

        Example:
            >>> gan.generator.load_weights("pretrained.weights.h5")
            >>> gan.reset_average()
        """
        for average, network in ((self.ema_generator, self.generator), (self.ema_latent, self.latent)):
            if average is not None:
                average.set_weights(network.get_weights())

    def prepare_sampling(self):
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
        if self.ema_generator is None or self._statistics_step == step:
            return
        if step > 0:
            pairs = zip(
                standing_statistics.batch_norms(self.generator),
                standing_statistics.batch_norms(self.ema_generator),
                strict=True,
            )
            norms = [average for trained, average in pairs if trained.trainable]  # frozen ones keep their statistics
            standing_statistics.take(self.ema_generator, self.ema_latent, self.num_classes, seed=self.seed, norms=norms)
            self._statistics_step = step
        elif _digest(self.ema_generator, self.ema_latent) == self._first_digest:
            self.reset_average()
            self._first_digest = _digest(self.generator, self.latent)

    @property
    def batches_per_step(self):
        """Minibatches of real data in a training step: one a critic step, and one a generator step that sees them."""
        return self.critic_steps + (self.generator_steps if self.generator_sees_real else 0)

    @property
    def sampling_generator(self):
        """The generator that `sample` and `export` use: the moving average, where there is one."""
        return self.generator if self.ema_generator is None else self.ema_generator

    @property
    def sampling_latent(self):
        """The prior that `sample` and `export` use: the moving average of its weights, where there is one."""
        return self.latent if self.ema_latent is None else self.ema_latent

    @property
    def trained_against(self):
        """The feature network that the critic looks through; see `Sampler.trained_against`."""
        known = (getattr(layer, "frozen_network", None) for layer in self.critic._flatten_layers())
        return next(filter(None, known), None)

    # The game

    def train_step(self, data):
        """Train the critic `critic_steps` times on fresh data, then the generator; returns the logs.

        This is algorithm 1 of Goodfellow et al. 2014 (arXiv:1406.2661) with the losses of the objective.
        """
        batches = self.minibatches(data)
        for k in range(self.critic_steps):
            real = next(batches)
            self.update_critic(self.critic_loss, real, self.fake(real, "critic", k))
        self.train_generator(batches, real)
        return self.end_step()

    def train_generator(self, batches, real):
        """Train the generator `generator_steps` times, on fresh latents each.

        Args:
            batches: what is left of `minibatches`: real data for each step, where the generator sees real data.
            real: `Batch` to go on with where nothing is left: its rows and labels.
        """
        for k in range(self.generator_steps):
            real = next(batches, real)
            self.update_generator(self.generator_loss, real, *((k,) if k else ()))

    def critic_loss(self, real, fake):
        """Return the critic's loss of two `Batch`es, a scalar; an objective defines it."""
        raise NotImplementedError(f"{type(self).__name__} defines no critic_loss; kerasgan.SGAN, for one, does")

    def generator_loss(self, real, *purpose):
        """Return the generator's loss, a scalar, of images that are made for the purpose ("generator", *purpose).

        `real` is for its number of rows, labels and real images; the purpose tells the steps of the generator apart.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no generator_loss")

    # The verbs with which objectives are written

    def minibatches(self, data):
        """Divide a batch of the training data into `batches_per_step` minibatches of fresh real data.

        Rows k, k + batches_per_step, ... of the batch of all replicas form minibatch k, so that replicas which hold
        parts of the same batch hold parts of the same minibatches. Rows that do not fill all minibatches are left out.

        Args:
            data: images [N, H, W, C] or the pair of images and labels [N], as `train_step` receives them.

        Yields:
            `Batch` of N // batches_per_step rows.

        Raises:
            ValueError: if a replica has fewer rows than minibatches.
        """
        images, labels = training_data.as_trained(data, self.num_classes)
        rows_of = replica_shares.minibatches(images, self.batches_per_step, self.gradient_accumulation_steps)
        for k, (rows, place) in enumerate(rows_of):
            batch = Batch(images[rows], None if labels is None else labels[rows], place, purpose=("real", k))
            for technique in self.techniques:
                batch = technique.prepared(self, batch)
            yield batch

    def uniform(self, like, shape, *purpose):
        """Draw uniform numbers for the rows of a batch.

        The numbers of the whole global batch are drawn on every replica, which keeps its own rows: the numbers
        do not depend on how many replicas there are.

        Args:
            like: `Batch` that says how many rows.
            shape: shape of the numbers for one row.
            *purpose: strings and integers that say what the numbers are for, unique in the step.

        Returns:
            float64 tensor [N, *shape], strictly between 0 and 1.
        """
        first, rows, total = self._place(like)
        numbers = keyed_random.uniform([total, *shape], self.seed, self.step.value, purpose)
        return numbers[first : first + rows]

    def fake(self, like, *purpose):
        """Generate a batch as long as `like` and with its labels, in training mode.

        Args:
            like: `Batch`.
            *purpose: strings and integers that say what the images are for, unique in the step.

        Returns:
            `Batch` of generated images.
        """
        if like.whole and self.gradient_accumulation_steps > 1:
            parts = [self.fake(part, *purpose) for part in self._parts(like)]
            return like._replace(images=ops.concatenate([part.images for part in parts]), purpose=parts[0].purpose)
        first, rows, _ = self._place(like)
        uniforms = self.uniform(like, (self.latent.uniforms,), "latents", *purpose)
        z = self.latent(uniforms, rows=ops.arange(first, first + rows))
        inputs = z if like.labels is None else [z, like.labels]
        with keyed_random.giving(lambda shape, *name: self.uniform(like, shape, *name, *purpose)):
            images = self.generator(inputs, training=True)
        return like._replace(images=images, purpose=("fake", *purpose))

    def seen(self, batch):
        """Return the `Batch` that the critic sees of one: what the techniques make of it, such as noisy images.

        Whatever gives images to the critic asks for it, so that the gradient with respect to `batch.images` is that
        before noise and augmentation, and runs through them. The same batch is seen in the same way throughout a step.
        """
        for technique in self.techniques:
            batch = technique.disturb(self, batch, *batch.purpose)
        return batch

    def score(self, batch):
        """Return the critic's logits [N, 1] (a `patch_critic`'s [N, L]) for a batch as `seen`, in training mode."""
        batch = self.seen(batch)
        alone = batch.labels is None or self.classifying_critic
        logits = self.critic(batch.images if alone else [batch.images, batch.labels], training=True)
        if self.classifying_critic:
            logits = logits[0]
        for technique in self.techniques:
            technique.scored(self, batch, logits)
        return logits

    def judge(self, batch, against):
        """Return the numbers [N, 1] of which penalties take the gradient with respect to a batch's images.

        They are the logits; an objective whose critic compares has others.

        Args:
            batch: `Batch`.
            against: `Batch` of the other kind, real or generated, with which such a critic compares it.
        """
        return self.score(batch)

    def class_logits(self, batch):
        """Return the class logits [N, num_classes] of a critic that classifies, for a batch as `seen`."""
        return self.critic(self.seen(batch).images, training=True)[1]

    def global_mean(self, values, axis=None):
        """Return the mean over the global batch of values of the local one; gradients go through it.

        Args:
            values: tensor [N, ...].
            axis: as of `keras.ops.mean`; the batch, and by default everything else too.
        """
        replica, mean = tf.distribute.get_replica_context(), ops.mean(values, axis=axis)
        if replica.num_replicas_in_sync == 1:
            return mean
        rows = ops.cast(ops.shape(values)[0], mean.dtype)
        sums, rows = replica.all_reduce(tf.distribute.ReduceOp.SUM, [mean * rows, rows])
        return sums / rows

    def update_critic(self, loss, *args):
        """Take one step of the critic's optimizer down the gradient of `loss(*args)` plus the critic's regularizers.

        Those of its weights, and those of its activities in each of its calls. Layers with spectral normalization first
        move their estimate of the largest singular value. The first two of `args` are the real and a generated `Batch`.
        """
        for technique in self.techniques:
            loss = technique.critic_loss(self, loss)
        self._update("critic_loss", loss, args, [self.critic], self.critic_optimizer)

    def update_generator(self, loss, *args):
        """Take one step of the generator's optimizer, for generator and prior; see `update_critic`.

        The first of `args` is the real `Batch`, and what follows is the purpose of the step's fakes, after "generator".
        """
        for technique in self.techniques:
            loss = technique.generator_loss(self, loss)
        loss = self.latent.generator_loss(self, loss)
        self._update("generator_loss", loss, args, [self.generator, self.latent], self.generator_optimizer)

    @contextlib.contextmanager
    def kept_if(self, due, *parts):
        """Take back what the updates in the block changed, unless they are due.

        All strategies can do that; a conditional around an optimizer they cannot.

        Args:
            due: bool scalar tensor.
            *parts: what the updates change, networks and the optimizer; techniques are always among it.
        """
        changing = [variable for part in (*parts, *self.techniques) for variable in part.variables]
        before = [tf.identity(variable) for variable in changing]
        yield
        for variable, old in zip(changing, before):
            variable.assign(tf.where(due, variable, old))

    def track(self, counting=True, **values):
        """Log scalars under names in `tracked`; the logs show their mean since the epoch began.

        Args:
            counting: whether they count, `True` or a boolean scalar.
            **values: names to scalars.
        """
        share = replica_shares.current_share()
        weight = None if isinstance(share, float) and share == 1 else share
        if counting is not True:
            weight = ops.cast(counting, "float32") * share
        for name, value in values.items():
            self.trackers[name].update_state(value, sample_weight=weight)

    def end_step(self):
        """Move the generator's average, count the step, and return the logs: names to means."""
        if self.ema_generator is not None:
            self._update_average()
        logs = self._logs()
        with tf.control_dependencies(list(logs.values())):  # a step whose data fail does not count
            self.step.assign(self.step + 1)
        return logs

    # What Keras calls

    def get_config(self):
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

    def get_compile_config(self):
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

    def compile_from_config(self, config):
        """Compile with a `get_compile_config`."""
        self.compile(**config)

    def set_weights(self, weights):
        """Set all weights, as `keras.Model.set_weights` does."""
        super().set_weights(weights)
        self._statistics_step = None

    def make_train_function(self, force=False):
        """Make the function that takes steps, as Keras does."""
        if self.train_function is None or force:
            self.train_function = self._make_function(self._step_once_data_are_there)

    def save_own_variables(self, store):
        """Save the step, the states of random layers such as `Dropout`, and of which step the average's statistics are.

        Keras leaves out the states. Before the first step also by what the average is known to be a copy.
        """
        super().save_own_variables(store)
        for name, state in self._random_states().items():
            store[name] = state
        if self._statistics_step is not None:
            store[_STATISTICS_STEP] = np.int64(self._statistics_step)
        if self.ema_generator is not None and int(self.step.numpy()) == 0:
            store[_FIRST_DIGEST] = np.array(self._first_digest, np.int64)

    def load_own_variables(self, store):
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

    # Helpers

    def _place(self, like):
        """Return where a batch's rows lie in the minibatch of all replicas: (first row, rows, rows of all)."""
        rows = ops.shape(like.images)[0]
        first, total = like.place or replica_shares.place(rows)
        return first, rows, total

    def _share(self, args):
        """Return which share of the minibatch of all replicas the batch among a loss's arguments is."""
        batch = next((arg for arg in args if isinstance(arg, Batch)), None)
        if batch is None:
            return replica_shares.current_share()
        _, rows, total = self._place(batch)
        return rows / total if isinstance(total, int) else ops.cast(rows, "float32") / ops.cast(total, "float32")

    def _parts(self, batch):
        """Divide a batch for the accumulation of gradients."""
        parts = self.gradient_accumulation_steps
        if parts == 1:
            return [batch]
        first, rows, total = self._place(batch)
        if isinstance(rows, int) and rows < parts:
            raise ValueError(
                f"gradient_accumulation_steps: expected at most the rows of a minibatch, {rows}; got {parts}"
            )
        cuts = [k * rows // parts for k in range(parts + 1)]
        return [
            batch._replace(
                images=batch.images[start:end],
                labels=None if batch.labels is None else batch.labels[start:end],
                place=(first + start, total),
                whole=False,
            )
            for start, end in zip(cuts, cuts[1:])
        ]

    def _update(self, name, loss, args, networks, optimizer):
        variables = [variable for network in networks for variable in network.trainable_variables]
        for layer in (layer for network in networks for layer in network._flatten_layers()):
            if isinstance(layer, SpectralNormalization):
                layer.update()
        divided = [self._parts(arg) if isinstance(arg, Batch) else None for arg in args]
        sums = None
        for k in range(self.gradient_accumulation_steps):
            part = [arg if parts is None else parts[k] for arg, parts in zip(args, divided)]
            gradients = self._gradients(name, loss, _after(sums, part), networks, variables, optimizer)
            sums = gradients if sums is None else _added(sums, gradients)
        optimizer.apply(replica_shares.clipped(optimizer, sums), variables)
        for technique in self.techniques:
            technique.after_update(variables)

    def _gradients(self, name, loss, args, networks, variables, optimizer):
        """Track the loss, and return the gradients of loss and penalties, scaled by the batch's share and for float16.

        The shares of all parts on all replicas add up to 1, and so do their gradients to that of the whole minibatch.
        """
        share = self._share(args)
        with replica_shares.counting(share):
            with tf.GradientTape() as tape, added_losses.collected(networks) as penalties:
                value = loss(*args)
                penalties += [variable.regularizer(variable) for variable in variables if variable.regularizer]
                penalties += [technique.penalty(variables) for technique in self.techniques]
                scaled = optimizer.scale_loss((ops.cast(value, "float32") + sum(penalties)) * share)
            self.track(**{name: value})
        gradients = tape.gradient(scaled, variables)
        # A gradient need not depend on all that the loss has read (WGAN's is constant in the last kernel). Without this
        # TensorFlow was seen to update a kernel before the forward pass had read it.
        with tf.control_dependencies([value]):
            return tf.nest.map_structure(
                lambda part: part if part is None else tf.identity(part), gradients, expand_composites=True
            )

    def _logs(self):
        """Return the means that are logged: of all replicas, weighed by their shares."""
        replica = tf.distribute.get_replica_context()
        if replica.num_replicas_in_sync == 1:
            return {name: tracker.result() for name, tracker in self.trackers.items()}
        sums = tf.stack([[tracker.total.value, tracker.count.value] for tracker in self.trackers.values()])
        totals, counts = tf.unstack(replica.all_reduce(tf.distribute.ReduceOp.SUM, sums), axis=1)
        return dict(zip(self.trackers, tf.unstack(tf.math.divide_no_nan(totals, counts))))

    def _random_states(self):
        """Names to the states of the seed generators of all layers, in the layers' order."""
        states = {id(found): found for found in self.variables if found.name == "seed_generator_state"}
        return {f"{_RANDOM}{index}": state for index, state in enumerate(states.values())}

    def _step_once_data_are_there(self, data):
        """Take a step of which nothing runs before its data are there.

        Keras asks for data once more after the last, where it does not know how many there are. What does not depend on
        data, such as a random layer's next state, would run in that step that is none.
        """
        with tf.control_dependencies(tf.nest.flatten(data)):
            return self.train_step(data)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Do nothing, as the networks come built: Keras would take a batch from the data for it."""

    def _update_average(self):
        step = ops.cast(self.step - self.ema_start, "float32")
        decay = schedules.at(self.ema_decay, step)
        if not isinstance(self.ema_decay, Schedule):
            decay = ops.minimum(decay, (1.0 + step) / (self.ema_ramp + step))
        decay = ops.where(step < 0, 0.0, decay)
        trained = {id(v) for v in self.generator.trainable_variables + self.latent.trainable_variables}
        averages = self.ema_generator.variables + self.ema_latent.variables
        for average, variable in zip(averages, self.generator.variables + self.latent.variables, strict=True):
            if id(variable) in trained:
                average.assign(average + (1.0 - decay) * (variable - average))
            else:
                average.assign(variable)


def _digest(*parts):
    """A number that tells whether weights changed."""
    return [zlib.crc32(np.ascontiguousarray(value)) for part in parts for value in part.get_weights()]


def _loss_scaled(optimizer, network):
    """Return the optimizer, wrapped where the network computes in float16."""
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    if scales or all(layer.compute_dtype != "float16" for layer in network._flatten_layers()):
        return optimizer
    return keras.optimizers.LossScaleOptimizer(optimizer)


def _after(gradients, args):
    """Return the arguments, to be used once the gradients are there: memory of one part is then free for the next."""
    if gradients is None:
        return args
    with tf.control_dependencies([gradient for gradient in gradients if gradient is not None]):
        return [arg._replace(images=tf.identity(arg.images)) if isinstance(arg, Batch) else arg for arg in args]


def _added(sums, gradients):
    """Add gradients, some of which may be `None` or those of embeddings."""
    pairs = zip(sums, gradients, strict=True)
    return [None if a is None else tf.convert_to_tensor(a) + tf.convert_to_tensor(b) for a, b in pairs]
