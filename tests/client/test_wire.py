import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import wrappers_pb2
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow.core.framework.tensor_shape_pb2 import TensorShapeProto
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef, TensorInfo
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2, predict_pb2

from kerasgan.client import wire

OFFICIAL = {
    "Dim": TensorShapeProto.Dim,
    "TensorShapeProto": TensorShapeProto,
    "TensorProto": TensorProto,
    "Int64Value": wrappers_pb2.Int64Value,
    "ModelSpec": model_pb2.ModelSpec,
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
    "TensorInfo": TensorInfo,
    "SignatureDef": SignatureDef,
    "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
}
DTYPES = "float32 float64 int32 uint8 int16 int8 int64 bool uint16 float16 uint32 uint64".split()


@pytest.mark.parametrize("name", OFFICIAL)
def test_fields_are_those_of_the_official_messages(name):
    ours = wire._classes[name].DESCRIPTOR
    official = OFFICIAL[name].DESCRIPTOR
    for field in ours.fields:
        other = official.fields_by_name[field.name]
        kind = other.TYPE_INT32 if other.type == other.TYPE_ENUM else other.type
        assert (field.number, field.type, field.is_repeated) == (other.number, kind, other.is_repeated)
        assert field.is_packed == other.is_packed


def samples(dtype):
    info = np.finfo(dtype) if np.dtype(dtype).kind == "f" else None
    if dtype == "bool":
        values = [True, False, True, True]
    elif info is not None:
        values = [info.min, info.max, np.inf, np.nan]
    else:
        values = [np.iinfo(dtype).min, np.iinfo(dtype).max, 1, 0]
    return [np.array(values, dtype).reshape(shape) for shape in ((4,), (2, 2), (1, 4, 1))] + [
        np.array(values[0], dtype),
        np.zeros((0, 3), dtype),
    ]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("message", [TensorProto, wire.TensorProto])
def test_arrays_go_and_come_as_tensorflow_writes_and_reads_them(dtype, message):
    for array in samples(dtype):
        proto = message()
        wire.set_tensor(proto, array)
        official = TensorProto.FromString(proto.SerializeToString())
        np.testing.assert_array_equal(tf.make_ndarray(official), array, strict=True)
        np.testing.assert_array_equal(wire.get_array(proto), array, strict=True)
        content = message.FromString(tf.make_tensor_proto(array).SerializeToString())  # tensor_content where it can
        np.testing.assert_array_equal(wire.get_array(content), array, strict=True)


def test_every_uint8_value():
    array = np.random.default_rng(0).integers(0, 256, (5, 1000)).astype(np.uint8)
    proto = wire.TensorProto()
    wire.set_tensor(proto, array)
    np.testing.assert_array_equal(wire.get_array(proto), array, strict=True)
    assert list(proto.int_val) == array.ravel().tolist()


def test_strings():
    array = np.array([[b"a\x00", b"\xff"], [b"", b"b"]], object)
    proto = wire.TensorProto()
    wire.set_tensor(proto, array)
    assert wire.get_array(proto).tolist() == array.tolist()
    assert tf.make_ndarray(TensorProto.FromString(proto.SerializeToString())).tolist() == array.tolist()


@pytest.mark.parametrize("dtype", ["float32", "uint8", "object"])
def test_fewer_values_than_the_shape_holds(dtype):
    value = np.array(b"a" if dtype == "object" else 7, dtype)
    proto = wire.TensorProto()
    wire.set_tensor(proto, value)
    proto.tensor_shape.dim.add(size=3)
    assert wire.get_array(proto).tolist() == [value.item()] * 3
    empty = wire.TensorProto(dtype=proto.dtype)
    empty.tensor_shape.dim.add(size=2)
    assert wire.get_array(empty).tolist() == [b"" if dtype == "object" else 0] * 2


def test_what_is_not_a_tensor_is_refused():
    for fields in (
        {"dtype": 1, "tensor_content": b"123"},
        {},
        {"dtype": 999},
        {"dtype": 7, "tensor_content": b"1"},
    ):
        with pytest.raises(ValueError):
            wire.get_array(wire.TensorProto(**fields))
    huge = wire.TensorProto(dtype=1)
    huge.tensor_shape.dim.add(size=2**60)
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        wire.get_array(huge, 1000)
    unknown = wire.TensorProto(dtype=1)
    unknown.tensor_shape.dim.add(size=-1)
    with pytest.raises(ValueError, match="not fully known"):
        wire.get_array(unknown)
    with pytest.raises(ValueError, match="complex64"):
        wire.set_tensor(wire.TensorProto(), np.zeros(1, np.complex64))


@pytest.mark.parametrize("as_content", [False, True])
@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "uint8", "int32", "int64", "bool", "uint64", "object"]
)
@pytest.mark.parametrize("shape", [(), (0, 2), (3, 5)])
def test_serialized_tensors_are_read_by_tensorflow(dtype, shape, as_content):
    values = np.random.default_rng(0).integers(0, 256, shape)
    array = np.array([b"%d" % value for value in values.ravel()] + [None], object)[:-1].reshape(shape)
    if dtype != "object":
        array = (values % 2 if dtype == "bool" else values).astype(dtype)
    proto = TensorProto.FromString(wire.tensor_bytes(array, as_content))
    assert bool(proto.tensor_content) == (as_content and dtype != "object" and array.size > 0)
    np.testing.assert_array_equal(tf.make_ndarray(proto), array, strict=True)


@pytest.mark.parametrize("shape", [(5,), (5, 0), (0, 3), (5, 4, 3)])
def test_rows_serialized_together_are_those_serialized_alone(shape):
    array = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    packed = wire.packed_rows(array)
    assert len(packed) == len(array)
    for rows in (slice(0, 5), slice(0, 2), slice(2, 5), slice(3, 3)):
        proto = TensorProto.FromString(wire.tensor_bytes(packed[rows]))
        assert not proto.tensor_content
        np.testing.assert_array_equal(tf.make_ndarray(proto), array[rows], strict=True)
    part = packed[1:4][1:]
    np.testing.assert_array_equal(tf.make_ndarray(TensorProto.FromString(wire.tensor_bytes(part))), array[1:4][1:])


@pytest.mark.parametrize("array", [np.uint8(7), np.float32([1, 2]), np.array([b"a"], object)])
def test_other_arrays_stay_as_they_are(array):
    assert wire.packed_rows(array) is array
