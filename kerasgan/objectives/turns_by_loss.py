"""DeLiGAN's choice of the player: who plays is told by the generator's loss and a threshold, which moves."""

import keras
import tensorflow as tf

from kerasgan.utils.messages import quoted

# of the authors' code for toy data
_RISE, _AFTER_GENERATORS = 0.01, 10
_FALL, _AFTER_CRITICS = 0.001, 150


class TurnsByLoss(keras.layers.Layer):
    """The threshold, and how many turns the generator has had more than the critic since it moved.

    Gurumurthy, Sarvadevabhatla and Babu 2017, arXiv:1706.02071, in their code. It is a layer so that both numbers are
    saved with the model.

    Args:
        threshold: number, where the threshold starts and where it may rise to.
        least: number, where it may fall to; `threshold` by default.

    Raises:
        ValueError: if a threshold is no number, or `least` is above `threshold`.
    """

    def __init__(self, threshold, least=None):
        super().__init__(name="turns_by_loss")
        least = threshold if least is None else least
        for argument, value in (("player_threshold", threshold), ("least_player_threshold", least)):
            if not -float("inf") < value < float("inf"):
                raise ValueError(f"{argument}: expected a finite number or None; got {quoted(value)}")
        if least > threshold:
            raise ValueError(f"least_player_threshold: expected at most {threshold}; got {quoted(least)}")
        self.most, self.least = threshold, least
        self.built = True
        start = keras.initializers.Constant(threshold)
        self.threshold = self.add_weight(shape=(), initializer=start, trainable=False, name="player_threshold")
        count = {"dtype": "int64", "initializer": "zeros", "trainable": False}
        self.ahead = self.add_weight(shape=(), name="generator_turns_ahead", **count)

    def move_threshold(self):
        """Raise the threshold if the generator has had many turns more than the critic, lower it in the other case."""
        threshold, ahead = self.threshold.value, self.ahead.value
        rise = ahead > _AFTER_GENERATORS
        fall = (ahead < -_AFTER_CRITICS) & (threshold > self.least)
        moved = tf.where(rise, tf.minimum(threshold + _RISE, self.most), threshold)
        self.threshold.assign(tf.where(fall, tf.maximum(threshold - _FALL, self.least), moved))
        self.ahead.assign(tf.where(rise | fall, tf.zeros_like(ahead), ahead))

    def take(self, loss):
        """Return whether the turn is the generator's, a bool scalar, whose loss is given; and count it."""
        generators = loss > self.threshold
        self.ahead.assign(self.ahead + 2 * tf.cast(generators, "int64") - 1)
        return generators
