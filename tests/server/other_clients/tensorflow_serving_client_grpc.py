import sys

import asked
import grpc
from google.protobuf import json_format
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def predict(labels):
        request = json_format.ParseDict(asked.message(labels), predict_pb2.PredictRequest())
        return asked.of_message(stub.Predict(request).outputs["images"])

    asked.tell(predict)
