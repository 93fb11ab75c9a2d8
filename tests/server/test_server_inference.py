"""Classify, Regress and MultiInference over both transports; the numbers are x / 2 + 2."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, inference_pb2, regression_pb2

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


def example(x):
    return tf.train.Example(features={"feature": {"x": {"float_list": {"value": [x]}}}})


def ask(prediction, method, signature, xs=(2.0,), name="default"):
    kind = {"Classify": classification_pb2.ClassificationRequest, "Regress": regression_pb2.RegressionRequest}[method]
    request = kind(model_spec={"name": name, "signature_name": signature})
    request.input.example_list.examples.extend(map(example, xs))
    return getattr(prediction, method)(request, timeout=20)


def refusal(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments, **options)
    return raised.value.code().name, raised.value.details()


@pytest.mark.parametrize("signature", ["regress_x_to_y", "regress_flat"])
def test_regress(prediction, signature):
    answer = ask(prediction, "Regress", signature, [2.0, 80.0])
    assert [entry.value for entry in answer.result.regressions] == [3.0, 42.0]
    spec = answer.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("default", 123, signature)


def test_classify(prediction):
    answer = ask(prediction, "Classify", "classify_both", [2.0, 6.0])
    rows = [[(entry.label, entry.score) for entry in row.classes] for row in answer.result.classifications]
    assert rows == [[("3.0", 3.0), ("-3.0", -3.0)], [("5.0", 5.0), ("-5.0", -5.0)]]


@pytest.mark.parametrize(
    "method, signature, code, text",
    [
        ("Regress", "no", "INVALID_ARGUMENT", "No signature was found with the name: no"),
        (
            "Regress",
            "",
            "INVALID_ARGUMENT",
            f"Expected regression signature method_name to be {REGRESS}. Was: tensorflow/serving/predict",
        ),
        (
            "Classify",
            "regress_x_to_y",
            "INVALID_ARGUMENT",
            f"Expected classification signature method_name to be {CLASSIFY}. Was: {REGRESS}",
        ),
        ("Regress", "regress_x2_to_y3", "INVALID_ARGUMENT", "Expects arg[0] to be float but string is provided"),
        ("Regress", "regress_named_x", "FAILED_PRECONDITION", "No regression inputs found in SignatureDef: "),
        ("Regress", "regress_to_y", "FAILED_PRECONDITION", "No regression outputs found in SignatureDef: "),
        (
            "Classify",
            "classify_to_y",
            "FAILED_PRECONDITION",
            "Expected classification signature outputs to contain at least one of",
        ),
        (
            "Regress",
            "regress_scalar",
            "INVALID_ARGUMENT",
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got []",
        ),
        ("Regress", "regress_half", "INVALID_ARGUMENT", "Expected output Tensor of DT_FLOAT.  Got: DT_HALF"),
        (
            "Regress",
            "regress_one",
            "INVALID_ARGUMENT",
            "Input batch size did not match output batch size: 2 vs. 1",
        ),
        ("Classify", "classify_numbers", "INVALID_ARGUMENT", "Expected classes Tensor of DT_STRING. Got: DT_FLOAT"),
        (
            "Classify",
            "classify_flat",
            "INVALID_ARGUMENT",
            "Expected Tensor shape: [batch_size num_classes] but got [2]",
        ),
    ],
)
def test_refusals(prediction, method, signature, code, text):
    found, details = refusal(ask, prediction, method, signature, [1.0, 2.0])
    assert (found, details[: len(text)]) == (code, text)


def test_an_unknown_model(prediction):
    assert refusal(ask, prediction, "Regress", "", name="m") == (
        "NOT_FOUND",
        "Servable not found for request: Latest(m)",
    )
    assert refusal(prediction.Regress, regression_pb2.RegressionRequest())[1] == "Missing ModelSpec"


def test_the_context_is_in_front_of_every_example(prediction):
    request = regression_pb2.RegressionRequest(model_spec={"name": "default", "signature_name": "regress_x_to_y"})
    both = request.input.example_list_with_context
    both.context.CopyFrom(example(2.0))
    both.examples.extend([tf.train.Example(), example(80.0)])
    answer = prediction.Regress(request, timeout=20)
    assert [entry.value for entry in answer.result.regressions] == [3.0, 42.0]


def inference(*tasks, xs=(2.0, 80.0)):
    request = inference_pb2.MultiInferenceRequest()
    request.input.example_list.examples.extend(map(example, xs))
    for signature, method, *name in tasks:
        spec = {"name": name[0] if name else "default", "signature_name": signature}
        request.tasks.add(model_spec=spec, method_name=method)
    return request


def test_multi_inference_answers_each_task_in_order(prediction):
    request = inference(("classify_x_to_y", CLASSIFY), ("regress_x_to_y2", REGRESS), ("regress_x_to_y", REGRESS))
    classes, y2, y = prediction.MultiInference(request, timeout=20).results
    assert [row.classes[0].score for row in classes.classification_result.classifications] == [3.0, 42.0]
    assert [entry.value for entry in y2.regression_result.regressions] == [4.0, 43.0]
    assert [entry.value for entry in y.regression_result.regressions] == [3.0, 42.0]
    assert (y.model_spec.signature_name, y.model_spec.version.value) == ("regress_x_to_y", 123)


@pytest.mark.parametrize(
    "tasks, text",
    [
        ([], "ModelSpec has no name specified."),
        ([("regress_x_to_y", REGRESS), ("regress_x_to_y", REGRESS)], "Duplicate evaluation of signature"),
        ([("regress_x_to_y", REGRESS), ("regress_x_to_y2", REGRESS, "m")], "must access the same model name"),
        ([("regress_x_to_y", REGRESS), ("regress_x2_to_y3", REGRESS)], "Input tensor must be the same"),
        ([("regress_x_to_y", CLASSIFY)], "Expected classification signature method_name"),
    ],
)
def test_refusals_of_multi_inference(prediction, tasks, text):
    code, details = refusal(prediction.MultiInference, inference(*tasks))
    assert code == "INVALID_ARGUMENT" and text in details


def test_multi_inference_knows_two_methods(prediction):
    assert refusal(prediction.MultiInference, inference(("serving_default", "tensorflow/serving/predict"))) == (
        "UNIMPLEMENTED",
        "Unsupported signature method_name: tensorflow/serving/predict",
    )


def test_rest_answers_as_grpc_does(prediction, rest):
    xs = np.float32([0.1, -1 / 3, 1e-8]).tolist()
    body = {"signature_name": "regress_x_to_y", "examples": [{"x": x} for x in xs]}
    status, _, text, parsed = rest("POST", "/v1/models/default:regress", body)
    answer = ask(prediction, "Regress", "regress_x_to_y", xs)
    assert status == 200
    assert np.float32(parsed["results"]).tolist() == [entry.value for entry in answer.result.regressions]
    assert "2.05," in text  # a float32's digits


def test_rest_context_and_labels(rest):
    body = {"signature_name": "classify_both", "context": {"x": 2.0}, "examples": [{}, {"x": 6.0}]}
    parsed = rest("POST", "/v1/models/default/versions/123:classify", body)[3]
    assert parsed == {"results": [[["3.0", 3.0], ["-3.0", -3.0]], [["5.0", 5.0], ["-5.0", -5.0]]]}


@pytest.mark.parametrize(
    "body, status, text",
    [
        ({}, 400, "key 'examples' is expected and was not found"),
        ({"examples": []}, 400, "'examples' value is an empty array"),
        ({"examples": [1]}, 400, "Example must be JSON object but got JSON Number"),
        ({"examples": [{"x": {"b64": "*"}}]}, 400, "Unable to base64 decode"),
        ({"examples": [{"x": {}}]}, 400, "has element with unexpected JSON type: Object"),
        ({"examples": [{"x": [1.5, "a"]}]}, 400, "Unexpected element type in feature: x expecting type: float"),
        ({"examples": [{"x": 1.5}], "signature_name": "no"}, 400, "No signature was found with the name: no"),
        ({"examples": [{"x": "a"}], "signature_name": "regress_x_to_y"}, 400, "Data types don't match"),
        (b'{"examples": [{"\\ud800": 1}]}', 400, "surrogate"),
    ],
)
def test_rest_refusals(rest, body, status, text):
    answered, _, _, parsed = rest("POST", "/v1/models/default:regress", body)
    assert answered == status and text in parsed["error"]
