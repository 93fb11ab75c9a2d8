"""The short name of tensors in signatures: those of TensorFlow, and those that a functional model is made with."""

import keras
import tensorflow as tf

Tensor = tf.Tensor | keras.KerasTensor
