"""`Game`: the verbs in which objectives write their algorithms."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf
from keras import ops

from kerasgan.models import moving_average, training_data, update
from kerasgan.models.batch import Batch, Data
from kerasgan.models.sampler import Sampler
from kerasgan.utils import keyed_random, replica_shares
from kerasgan.utils.keyed_random import LoopIndex
from kerasgan.utils.tensors import Tensor, wide

# whether techniques look at scores; each replica's step is built in a thread of its own, and they take turns
_WATCHED = contextvars.ContextVar("kerasgan.models.game", default=True)


class Game(Sampler):
    """A generator and a critic, and what a training step does with them; `GAN` can be trained.

    `minibatches(data)` gives fresh real data, `fake(like, *purpose)` generates, `score(batch)` asks the critic (which
    sees `seen(batch)`), `update_critic(loss, *args)` and `update_generator(loss, *args)` take an optimizer step,
    `track(**values)` logs, `end_step()` closes the step. Losses are means over the local batch; the verbs scale them,
    so that two replicas with half the batch take the same step as one with all of it, and divide the batch where
    gradients are accumulated.

    Random numbers are keyed by (seed, step, purpose), so a run resumed from a checkpoint draws what it would have
    drawn, on any number of replicas.
    """

    tracked: tuple[str, ...] = ()  # names of further values that the objective logs
    pairwise_critic = False  # whether the critic compares two images
    feature_critic = False  # whether the critic gives features rather than one logit
    generator_sees_real = False  # whether the generator's loss uses real images, so that it needs fresh ones
    classifying_critic = False  # whether the critic gives class logits too, instead of taking labels
    patch_critic = False  # whether the critic gives any number of logits an image, rather than one
    signed_critic = False  # whether logits are trained to be positive for real images and negative for generated ones
    ema_start = 0  # step until which the moving average is a copy
    ema_ramp = 10  # the average's decay in its step t is at most (1 + t) / (ema_ramp + t)

    def minibatches(self, data: Data) -> Iterator[Batch]:
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

    def uniform(self, like: Batch, shape: Sequence[int], *purpose: str | int | LoopIndex) -> Tensor:
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
        first, rows, total = like.where()
        numbers = keyed_random.uniform([total, *shape], self.seed, self.step.value, purpose)
        return numbers[first : first + rows]

    def fake(self, like: Batch, *purpose: str | int | LoopIndex) -> Batch:
        """Generate a batch as long as `like` and with its labels, in training mode.

        Args:
            like: `Batch`.
            *purpose: strings and integers that say what the images are for, unique in the step.

        Returns:
            `Batch` of generated images.
        """
        if like.whole and self.gradient_accumulation_steps > 1:
            parts = [self.fake(part, *purpose) for part in like.parts(self.gradient_accumulation_steps)]
            return like._replace(images=ops.concatenate([part.images for part in parts]), purpose=parts[0].purpose)
        first, rows, _ = like.where()
        uniforms = self.uniform(like, (self.latent.uniforms,), "latents", *purpose)
        z = self.latent(uniforms, rows=ops.arange(first, first + rows))
        inputs = z if like.labels is None else [z, like.labels]
        with keyed_random.giving(lambda shape, *name: self.uniform(like, shape, *name, *purpose)):
            images = self.generator(inputs, training=True)
        return like._replace(images=wide(images), purpose=("fake", *purpose))

    def seen(self, batch: Batch) -> Batch:
        """Return the `Batch` that the critic sees of one: what the techniques make of it, such as noisy images.

        Whatever gives images to the critic asks for it, so that the gradient with respect to `batch.images` is that
        before noise and augmentation, and runs through them. The same batch is seen in the same way throughout a step.
        """
        for technique in self.techniques:
            batch = technique.disturb(self, batch, *batch.purpose)
        return batch

    def score(self, batch: Batch) -> Tensor:
        """Return the critic's logits [N, 1] (a `patch_critic`'s [N, L]) for a batch as `seen`, in training mode."""
        batch = self.seen(batch)
        alone = batch.labels is None or self.classifying_critic
        logits = self.critic(batch.images if alone else [batch.images, batch.labels], training=True)
        logits = wide(logits[0] if self.classifying_critic else logits)
        for technique in self.techniques if _WATCHED.get() else ():
            technique.scored(self, batch, logits)
        return logits

    @contextlib.contextmanager
    def unwatched(self) -> Iterator[None]:
        """Have techniques not look at scores in the block: the penalties' are of batches that were scored before."""
        token = _WATCHED.set(False)
        try:
            yield
        finally:
            _WATCHED.reset(token)

    def judge(self, batch: Batch, against: Batch) -> Tensor:
        """Return the numbers [N, 1] of which penalties take the gradient with respect to a batch's images.

        They are the logits; an objective whose critic compares has others.

        Args:
            batch: `Batch`.
            against: `Batch` of the other kind, real or generated, with which such a critic compares it.
        """
        return self.score(batch)

    def class_logits(self, batch: Batch) -> Tensor:
        """Return the class logits [N, num_classes] of a critic that classifies, for a batch as `seen`."""
        return wide(self.critic(self.seen(batch).images, training=True)[1])

    def global_mean(self, values: Tensor, axis: int | Sequence[int] | None = None) -> Tensor:
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

    def update_critic(self, loss: Callable[..., Tensor], *args) -> None:
        """Take one step of the critic's optimizer down the gradient of `loss(*args)` plus the critic's regularizers.

        Those of its weights, and those of its activities in each of its calls. Layers with spectral normalization first
        move their estimate of the largest singular value. The first two of `args` are the real and a generated `Batch`.
        """
        for technique in self.techniques:
            loss = technique.critic_loss(self, loss)
        update.take(self, "critic_loss", loss, args, [self.critic], self.critic_optimizer)

    def update_generator(self, loss: Callable[..., Tensor], *args) -> None:
        """Take one step of the generator's optimizer, for generator and prior; see `update_critic`.

        The first of `args` is the real `Batch`, and what follows is the purpose of the step's fakes, after "generator".
        """
        for technique in sorted(self.techniques, key=lambda technique: not technique.replaces_loss):
            loss = technique.generator_loss(self, loss)
        loss = self.latent.generator_loss(self, loss)
        networks = [self.generator, self.latent]
        update.take(self, "generator_loss", loss, args, networks, self.generator_optimizer)

    @contextlib.contextmanager
    def kept_if(self, due: Tensor, *parts) -> Iterator[None]:
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

    def track(self, counting: bool | Tensor = True, **values: Tensor | float) -> None:
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

    def end_step(self) -> dict[str, Tensor]:
        """Move the generator's average, count the step, and return the logs: names to means."""
        if self.ema_generator is not None:
            moving_average.move(self)
        logs = self._logs()
        with tf.control_dependencies(list(logs.values())):  # a step whose data fail does not count
            self.step.assign(self.step + 1)
        return logs

    def _logs(self):
        """Return the means that are logged: of all replicas, weighed by their shares.

        What was tracked is then shared evenly by the replicas, so that each knows of it what all know.
        """
        replica = tf.distribute.get_replica_context()
        if replica.num_replicas_in_sync == 1:
            return {name: tracker.result() for name, tracker in self.trackers.items()}
        sums = tf.stack([[tracker.total.value, tracker.count.value] for tracker in self.trackers.values()])
        sums = replica.all_reduce(tf.distribute.ReduceOp.SUM, sums)
        for tracker, share in zip(self.trackers.values(), tf.unstack(sums / replica.num_replicas_in_sync)):
            tracker.total.assign(share[0])
            tracker.count.assign(share[1])
        totals, counts = tf.unstack(sums, axis=1)
        return dict(zip(self.trackers, tf.unstack(tf.math.divide_no_nan(totals, counts))))
