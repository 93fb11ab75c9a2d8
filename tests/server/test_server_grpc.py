import concurrent.futures

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tensorflow.core.framework.tensor_pb2 import TensorProto
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    predict_pb2,
)


def request(model="default", signature="", version=None, version_label=None, outputs=(), **inputs):
    message = predict_pb2.PredictRequest(output_filter=outputs)
    message.model_spec.name = model
    message.model_spec.signature_name = signature
    if version is not None:
        message.model_spec.version.value = version
    if version_label is not None:
        message.model_spec.version_label = version_label
    for name, value in inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return message


def refusal(call, message):
    with pytest.raises(grpc.RpcError) as raised:
        call(message, timeout=20)
    return raised.value.code().name, raised.value.details()


def test_predict_answers_with_typed_fields_and_the_resolved_model_spec(prediction):
    answer = prediction.Predict(request(x=np.float32([1, 5])), timeout=20)
    assert list(answer.outputs["y"].float_val) == [
        2.5,
        4.5,
    ]  # as TensorFlow Serving; clients may read only these
    assert not answer.outputs["y"].tensor_content
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("default", 123, "serving_default")


@pytest.mark.parametrize(
    "dtype",
    "float32 float64 int32 int64 uint8 int8 int16 uint32 uint64 bool float16 bfloat16 complex64".split(),
)
@pytest.mark.parametrize("shape", [(), (1,), (3, 0), (2, 3)])
def test_every_dtype_comes_back_as_it_went(prediction, dtype, shape):
    numbers = np.random.default_rng(0).integers(0, 256, shape)
    value = tf.cast(numbers - (128 if dtype.startswith(("i", "f", "b", "c")) else 0), dtype).numpy()
    answer = prediction.Predict(request("echo", dtype, x=value), timeout=20)
    array = tf.make_ndarray(answer.outputs["y"])
    assert array.dtype == value.dtype
    assert array.shape == value.shape
    assert (array == value).all()


def test_strings_keep_their_bytes(prediction):
    value = np.array([[b"a\x00\xff\x00", b""], ["é".encode(), b"\n"]], object)
    answer = prediction.Predict(request("echo", "string", x=value), timeout=20)
    assert tf.make_ndarray(answer.outputs["y"]).tolist() == value.tolist()
    for value in (b"\x00a", np.zeros([0, 2], object)):
        answer = prediction.Predict(request("echo", "string", x=tf.constant(value, tf.string)), timeout=20)
        assert tf.make_ndarray(answer.outputs["y"]).tolist() == np.array(value, object).tolist()


def test_nonfinite_floats_pass(prediction):
    value = np.float32([np.inf, -np.inf, np.nan])
    array = tf.make_ndarray(prediction.Predict(request("echo", "float32", x=value), timeout=20).outputs["y"])
    np.testing.assert_array_equal(array, value)


def test_output_filter_leaves_others_out(prediction):
    inputs = {"text": [b"a"], "number": np.float32([1])}
    answer = prediction.Predict(request("echo", outputs=["number"], **inputs), timeout=20)
    assert list(answer.outputs) == ["number"]


@pytest.mark.parametrize(
    "message, code, text",
    [
        (request(""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (request("m"), "NOT_FOUND", "Servable not found for request: Latest(m)"),
        (request(version=7), "NOT_FOUND", "Servable not found for request: Specific(default, 7)"),
        (request(version_label="L"), "INVALID_ARGUMENT", "Unrecognized servable version label: L"),
        (request(signature="s"), "FAILED_PRECONDITION", 'Serving signature key "s" not found.'),
        (
            request(),
            "INVALID_ARGUMENT",
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
        ),
        (
            request(x=1.0, a=1.0),
            "INVALID_ARGUMENT",
            "input size does not match signature: 2!=1 len({a,x}) != len({x}). Sent extra: {a}. "
            "Missing but required: {}.",
        ),
        (
            request(a=1.0),
            "INVALID_ARGUMENT",
            "Signature input alias: x(feed name: x:0) not found in request and no default value provided. "
            "Inputs expected to be in the request {a}, or default input alias set: ",
        ),
        (request(x=True), "INVALID_ARGUMENT", "Expects arg[0] to be float but bool is provided"),
        (request(x=np.float64(1)), "INVALID_ARGUMENT", "Expects arg[0] to be float but double is provided"),
        (
            request("generator", seed=[1], truncation=np.float32([1]), label=[0]),
            "INVALID_ARGUMENT",
            "Expects arg[0] to be int64 but int32 is provided",
        ),
        (
            request(x=1.0, outputs=["z"]),
            "INVALID_ARGUMENT",
            "output tensor alias not found in signature: z Outputs expected to be in the set {y}.",
        ),
    ],
)
def test_texts_of_errors(prediction, message, code, text):
    assert refusal(prediction.Predict, message) == (code, text)


def test_a_failing_op_is_reported_with_its_code_and_text(prediction):
    inputs = {"seed": np.int64([1]), "truncation": np.float32([1]), "label": np.int64([99])}
    code, text = refusal(prediction.Predict, request("generator", **inputs))
    assert code == "INVALID_ARGUMENT"
    assert "indices[0] = 99 is not in [0, 10)" in text


LONG = "m" * 5000


def _reload_request(**model):
    message = model_management_pb2.ReloadConfigRequest()
    for _ in range(2):
        message.config.model_config_list.config.add(**model)
    return message


def test_texts_quote_little_of_a_request(prediction, model_service):
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[LONG])
    metadata.model_spec.name = "default"
    status = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": LONG})
    labelled = request(x=np.float32([1]))
    labelled.model_spec.version_label = LONG
    signed = request(x=np.float32([1]))
    signed.model_spec.signature_name = LONG
    filtered = request(x=np.float32([1]))
    filtered.output_filter.append(LONG)
    unparsable = request()
    unparsable.inputs[LONG].dtype = 99
    shapeless = request()
    shapeless.inputs["x"].CopyFrom(tf.make_tensor_proto(1.0))
    for _ in range(1000):
        shapeless.inputs["x"].tensor_shape.dim.add(size=-7)
    examples = classification_pb2.ClassificationRequest(model_spec={"name": "default", "signature_name": LONG})
    for method, message in (
        (prediction.Predict, request(LONG)),
        (prediction.Predict, labelled),
        (prediction.Predict, signed),
        (prediction.Predict, filtered),
        (prediction.Predict, request(**{LONG: np.float32([1])})),
        (prediction.Predict, request(x=np.float32([1]), **{f"{LONG}{i}": np.float32([1]) for i in range(3)})),
        (prediction.Predict, unparsable),
        (prediction.Predict, shapeless),
        (prediction.GetModelMetadata, metadata),
        (prediction.Classify, examples),
        (model_service.GetModelStatus, status),
        (model_service.HandleReloadConfigRequest, _reload_request(name=LONG, base_path="/m")),
        (model_service.HandleReloadConfigRequest, _reload_request(base_path="/" + LONG)),
    ):
        _, text = refusal(method, message)
        assert "...TRUNCATED" in text and "m" * 202 not in text, text
        assert len(text) < 1000, text


def test_a_tensor_with_an_impossible_shape_is_refused_without_allocating_it(prediction):
    message = request()
    message.inputs["x"].CopyFrom(tf.make_tensor_proto(1.0))
    message.inputs["x"].tensor_shape.dim.add(size=2**50)
    code, text = refusal(prediction.Predict, message)
    assert code == "INVALID_ARGUMENT" and text.startswith("tensor parsing error: x")
    message = request("echo", "bfloat16")
    message.inputs["x"].CopyFrom(tf.make_tensor_proto(tf.cast(1.0, tf.bfloat16).numpy()))
    message.inputs["x"].tensor_shape.dim.add(size=2**50)
    assert refusal(prediction.Predict, message)[0] == "INVALID_ARGUMENT"


def test_malformed_tensors_are_refused(prediction):
    for fields in ({"dtype": 1, "tensor_content": b"123"}, {"dtype": 0}, {"dtype": 999}, {"dtype": 101}):
        message = request()
        message.inputs["x"].MergeFrom(TensorProto(**fields))
        code, text = refusal(prediction.Predict, message)
        assert (code, text.split(" (")[0]) == ("INVALID_ARGUMENT", "tensor parsing error: x")


def test_a_message_that_is_none_is_refused(channel):
    for method in ("PredictionService/Predict", "ModelService/GetModelStatus"):
        code, text = refusal(channel.unary_unary(f"/tensorflow.serving.{method}"), b"\xff\xff")
        assert (code, text) == ("INTERNAL", "the request cannot be parsed")


def test_too_large_a_request_is_refused(prediction):
    code, _ = refusal(prediction.Predict, request(x=np.zeros(2**20, np.float32)))
    assert code == "RESOURCE_EXHAUSTED"


def test_answers_may_be_larger_than_requests(prediction):
    inputs = {"seed": np.zeros(40_000, np.int64), "truncation": np.ones(40_000, np.float32)}
    answer = prediction.Predict(request("generator", label=np.zeros(40_000, np.int64), **inputs), timeout=60)
    assert answer.ByteSize() > 4 * 2**20
    assert tf.make_ndarray(answer.outputs["images"]).shape == (40_000, 8, 8, 3)


def test_uint8_images_survive_the_typed_fields(prediction):
    seeds = np.arange(256, dtype=np.int64)
    inputs = {"seed": seeds, "truncation": np.ones(256, np.float32), "label": np.zeros(256, np.int64)}
    answer = prediction.Predict(request("generator", **inputs), timeout=20)
    images = tf.make_ndarray(answer.outputs["images"])
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[:, 0, 0, 0], seeds)


def test_a_reload_needs_a_list_of_models(model_service):
    code, text = refusal(model_service.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest())
    assert code == "INVALID_ARGUMENT"
    assert text.startswith("ServerModelConfig type not supported by HandleReloadConfigRequest.")


def test_status(model_service):
    message = get_model_status_pb2.GetModelStatusRequest()
    message.model_spec.name = "default"
    [version] = model_service.GetModelStatus(message, timeout=20).model_version_status
    assert (version.version, version.state) == (123, get_model_status_pb2.ModelVersionStatus.AVAILABLE)
    message.model_spec.version.value = 7
    assert refusal(model_service.GetModelStatus, message) == (
        "NOT_FOUND",
        "Could not find version 7 of model default",
    )
    message.model_spec.name = "m"
    message.model_spec.ClearField("version")
    assert refusal(model_service.GetModelStatus, message) == (
        "NOT_FOUND",
        "Could not find any versions of model m",
    )


def test_metadata_holds_the_signatures(prediction):
    message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    message.model_spec.name = "generator"
    answer = prediction.GetModelMetadata(message, timeout=20)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    assert set(signatures.signature_def["serving_default"].inputs) == {"seed", "label", "truncation"}


def test_reflection_names_the_services(channel):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    [answer] = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    names = {service.name for service in answer.list_services_response.service}
    assert {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"} <= names
    assert "grpc.health.v1.Health" in names


def test_concurrent_requests_each_get_their_own_answer(prediction, rest):
    def ask(row):
        if row % 2:
            answer = prediction.Predict(request(x=np.float32([row])), timeout=60)
            return answer.outputs["y"].float_val[0]
        return rest("POST", "/v1/models/default:predict", {"instances": [row]})[3]["predictions"][0]

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert list(pool.map(ask, range(400))) == [row / 2 + 2 for row in range(400)]


def test_concurrent_first_requests_of_a_signature(prediction):
    """Callables are made on first use; two threads may do so at once."""
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        messages = [request("echo", "int64", x=np.int64(row)) for row in range(64)]
        answers = list(pool.map(lambda message: prediction.Predict(message, timeout=60), messages))
    assert [answer.outputs["y"].int64_val[0] for answer in answers] == list(range(64))
