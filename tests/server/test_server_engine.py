import numpy as np
import pytest
import tensorflow as tf

from kerasgan.server.config.options import ModelOptions
from kerasgan.server.errors import ServingError
from kerasgan.server.inference.engine import Engine
from kerasgan.utils import precision
from tests.conftest import make_gan


@pytest.fixture(scope="module")
def engine(folders):
    engine = Engine(folders["generator"])
    yield engine
    engine.close()


def test_wrong_dtypes_are_worded_as_by_the_runtime_itself(engine):
    """TensorFlow Serving leaves this check to the C++ session; ask that session what it says."""
    good = {"seed": np.int64([1]), "label": np.int64([0]), "truncation": np.float32([1])}
    signature = engine.signatures["serving_default"]
    session = engine._session

    def tensor(info):
        return session.graph.get_tensor_by_name(info.name)._as_tf_output()

    fetches = [tensor(signature.outputs["images"])]
    for name in good:
        for wrong in (
            np.float64([1]),
            np.array([True]),
            np.float16([1]),
            np.array([b"a"], object),
            np.int32([1]),
        ):
            inputs = good | {name: wrong}
            feeds = {tensor(signature.inputs[key]): array for key, array in inputs.items()}
            with pytest.raises(Exception, match="Expects arg") as raised:
                session._call_tf_sessionrun(None, feeds, fetches, [], None)
            with pytest.raises(ServingError) as ours:
                engine.run("serving_default", inputs)
            assert ours.value.message == str(raised.value)


def test_outputs_are_those_of_the_loaders_other_path(engine, folders):
    inputs = {"seed": np.int64([1, 200]), "label": np.int64([0, 3]), "truncation": np.float32([1, np.inf])}
    loaded = tf.saved_model.load(str(folders["generator"])).signatures["serving_default"]
    expected = loaded(**{name: tf.constant(value) for name, value in inputs.items()})["images"].numpy()
    np.testing.assert_array_equal(engine.run("", inputs)["images"], expected)


def test_bfloat16_is_near_float32(tmp_path):
    """A small generator in both types: less than half a level apart on average, and not the same where there is it.

    Where there is none TensorFlow rewrites the graph too, once oneDNN is on, and some images differ by a level.
    """
    gan = make_gan()
    gan.export(tmp_path / "1")
    inputs = {"seed": np.arange(32, dtype=np.int64), "truncation": np.full(32, np.inf, np.float32)}
    images = []
    for mixed_precision in ("", "bfloat16"):
        engine = Engine(tmp_path / "1", ModelOptions(mixed_precision=mixed_precision))
        images.append(engine.run("", inputs)["images"].astype(np.int16))
        engine.close()
    difference = np.abs(images[0] - images[1])
    assert difference.mean() < 0.5
    if precision.chosen("auto") == "bfloat16":
        assert difference.max() > 0
    else:
        assert difference.max() <= 1


def test_many_output_filters_do_not_pile_up(folders):
    engine = Engine(folders["echo"])
    inputs = {"text": np.array([b"a"], object), "number": np.float32([1])}
    for _ in range(100):
        for outputs in (["text"], ["number", "text"], ["text", "number"]):
            assert set(engine.run("", inputs, outputs)) == set(outputs)
    assert engine._callable.cache_info().currsize == 2
    engine.close()
