"""Warmup: the requests that an export brings along are run before it is served.

They lie in `assets.extra/tf_serving_warmup_requests`, a TFRecord of `PredictionLog`.
"""

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from kerasgan.server.errors import ServingError, from_tensorflow, invalid_argument
from kerasgan.server.inference import examples
from kerasgan.server.inference.predict import predict

MAX_RECORDS = 1000
_MAX_TENSOR_BYTES = 2**31 - 1


def run(version):
    """Run the warmup requests of a version whose engine is loaded; none, if it has no such file.

    Raises:
        ServingError: the first error: the file is no TFRecord (DATA_LOSS), has more than 1000 records, one that
            cannot be run (UNIMPLEMENTED) or one that fails.
    """
    path = version.folder / "assets.extra" / "tf_serving_warmup_requests"
    if not path.is_file():
        return
    try:
        records = list(tf.data.TFRecordDataset(str(path)).take(MAX_RECORDS + 1).as_numpy_iterator())
    except tf.errors.DataLossError as error:
        raise ServingError(
            grpc.StatusCode.DATA_LOSS, f"{error.message}. Please verify your warmup data is in TFRecord format."
        ) from error
    except tf.errors.OpError as error:
        raise from_tensorflow(error) from error
    if len(records) > MAX_RECORDS:
        raise invalid_argument(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {path}")
    for record in records:
        _run_record(version, record, path)


def _run_record(version, record, path):
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid_argument(f"Failed to parse warmup record from {path}: {error}") from error
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        predict(version, log.predict_log.request, _MAX_TENSOR_BYTES)
    elif kind == "classify_log":
        examples.classify(version, log.classify_log.request)
    elif kind == "regress_log":
        examples.regress(version, log.regress_log.request)
    elif kind == "multi_inference_log":
        examples.multi_inference(version, log.multi_inference_log.request)
    else:
        raise ServingError(grpc.StatusCode.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")
