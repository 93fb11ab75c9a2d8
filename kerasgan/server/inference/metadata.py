"""What both transports answer with: the requests of TensorFlow Serving's API on a set of models."""

from google.protobuf import json_format, struct_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from kerasgan.server.errors import cut, invalid_argument
from kerasgan.server.inference.engine import DEFAULT_SIGNATURE

SIGNATURES, FACTS = METADATA_FIELDS = "signature_def", "kerasgan"  # TensorFlow Serving knows the first alone


def model_spec(request):
    """`(name, version, label)` of a request with a `model_spec`; version and label may be None.

    Raises:
        ServingError: if it has none.
    """
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    return _split(request.model_spec)


def tasks_model_spec(request):
    """The same of a `MultiInferenceRequest`: its first task's."""
    return _split(request.tasks[0].model_spec) if request.tasks else ("", None, None)


def _split(spec):
    which = spec.WhichOneof("version_choice")
    return (
        spec.name,
        spec.version.value if which == "version" else None,
        spec.version_label if which == "version_label" else None,
    )


def status(models, name, version=None):
    """The `GetModelStatusResponse` for a model, or for one version of it.

    Raises:
        ServingError: NOT_FOUND.
    """
    response = get_model_status_pb2.GetModelStatusResponse()
    for found in models.versions(name, version):
        message = response.model_version_status.add(version=found.number, state=found.state)
        message.status.SetInParent()
        if found.error is not None:
            message.status.error_code = found.error.code.value[0]
            message.status.error_message = found.error.message
    return response


def described(models, name, version=None, label=None, fields=(SIGNATURES,)):
    """The `GetModelMetadataResponse` for a model: its signatures, and where it is asked for its `Facts`.

    Raises:
        ServingError: NOT_FOUND, or INVALID_ARGUMENT for an unknown label or a field that there is not.
    """
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    with models.use(name, version, label) as found:
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=found.engine.signatures)
        facts = found.facts
    response.model_spec.name = found.model
    response.model_spec.version.value = found.number
    for field in fields:
        if field == SIGNATURES:
            response.metadata[field].Pack(signatures)
        elif field == FACTS and facts.num_classes is not None:
            told = struct_pb2.Struct()
            known = {"num_classes": facts.num_classes, "class_names": facts.class_names}
            told.update({name: value for name, value in known.items() if value is not None})
            response.metadata[field].Pack(told)
        else:
            raise unsupported(field)
    return response


def unsupported(field):
    """TensorFlow Serving's error for a field of metadata that it has not."""
    return invalid_argument(f"Metadata field {cut(field)} is not supported")


def rest_inputs(found, signature_name):
    """The inputs of a signature as `{name: TensorInfo}`; if there is none such, the REST API's error.

    Raises:
        ServingError: INVALID_ARGUMENT.
    """
    signature_name = signature_name or DEFAULT_SIGNATURE
    if signature_name not in found.engine.signatures:
        raise invalid_argument(f'Serving signature name: "{cut(signature_name)}" not found in signature def')
    return found.engine.signatures[signature_name].inputs


def to_json(message):
    """A response as TensorFlow Serving's REST API prints it: the proto's field names, defaults included."""
    return json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def metadata_to_json(response):
    """The JSON of a `GetModelMetadataResponse`, its signatures unpacked."""
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    return (
        f'{{\n"model_spec":{to_json(response.model_spec)},\n'
        f'"metadata": {{"signature_def": {to_json(signatures)}}}\n}}\n'
    )
