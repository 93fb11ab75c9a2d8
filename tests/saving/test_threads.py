"""What is patched in Keras while a model is loaded is patched for its thread alone."""

import threading

import keras
import numpy as np
import pytest

from kerasgan.saving import variable_limit
from kerasgan.utils import initial_values


def in_another_thread(function):
    """What a function gives in a thread of its own."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join(60)
    return found[0]


def orthogonal():
    return keras.ops.convert_to_numpy(keras.initializers.Orthogonal(seed=0)((3, 3)))


def test_orthogonal_kernels_of_other_threads_are_made():
    with initial_values.skipped():
        assert np.abs(orthogonal()).max() == 0
        assert np.abs(in_another_thread(orthogonal)).max() > 0
    assert np.abs(orthogonal()).max() > 0


def test_variables_of_other_threads_do_not_count():
    def variable():
        return keras.Variable(np.zeros(3 * 2**20, "float32")).shape

    with variable_limit.variables_within(10):
        assert in_another_thread(variable) == (3 * 2**20,)
        with pytest.raises(variable_limit.TooLarge, match="asks for more variables than its weights, 10 numbers"):
            variable()
    assert variable() == (3 * 2**20,)


def test_loads_in_two_threads_leave_keras_as_it_was():
    before, entered = (keras.Variable.__init__, keras.initializers.Orthogonal.__call__), threading.Barrier(2)

    def load():
        entered.wait(60)
        with initial_values.skipped(), variable_limit.variables_within(10):
            return keras.Variable(1.0).shape

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (keras.Variable.__init__, keras.initializers.Orthogonal.__call__) == before
