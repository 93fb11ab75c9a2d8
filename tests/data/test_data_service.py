"""tf.data service: other processes prepare the batches, and they are the same."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerasgan

service = tf.data.experimental.service


@pytest.fixture
def address():
    """A dispatcher with one worker, in this process."""
    dispatcher = service.DispatchServer(service.DispatcherConfig(port=0))
    host = dispatcher.target.partition("://")[2]
    worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=host, port=0))
    yield dispatcher.target
    worker._stop()
    dispatcher._stop()


def test_batches_of_the_service_are_those_of_load_epoch_after_epoch(address):
    images = np.random.default_rng(0).integers(0, 256, (40, 20, 20, 1), "uint8")
    source = kerasgan.data.arrays(images, np.arange(40) % 2)
    given = {"image_size": 16, "batch_size": 8, "labels": True, "seed": 3, "repeat": True}
    own = kerasgan.data.load(source, **given).take(11)
    away = kerasgan.data.load(source, **given).take(11)
    away = away.apply(service.distribute(processing_mode=service.ShardingPolicy.OFF, service=address))
    batches = list(away.as_numpy_iterator())
    assert len(batches) == 11
    for (here, labels), (there, same) in zip(own.as_numpy_iterator(), batches, strict=True):
        np.testing.assert_array_equal(there, here)
        np.testing.assert_array_equal(same, labels)


@pytest.mark.slow
def test_fit_trains_on_them(address):
    images = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 1), "uint8")
    weights = []
    for away in (False, True):
        keras.utils.set_random_seed(0)
        networks = kerasgan.networks.dcgan
        gan = kerasgan.SGAN(networks.generator((32, 32, 1), 4, filters=4), networks.critic((32, 32, 1), filters=4))
        gan.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01))
        data = kerasgan.data.load(kerasgan.data.arrays(images), batch_size=8, repeat=True).take(3)
        if away:
            data = data.apply(service.distribute(processing_mode=service.ShardingPolicy.OFF, service=address))
            data = data.apply(tf.data.experimental.assert_cardinality(3))
        gan.fit(data, verbose=0)
        weights.append([variable.numpy() for variable in gan.trainable_variables])
    for here, there in zip(*weights, strict=True):
        np.testing.assert_array_equal(there, here)
