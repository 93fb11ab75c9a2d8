import sys

import asked
import grpc
from google.protobuf import json_format
from yagrc import reflector

with grpc.insecure_channel(sys.argv[1]) as channel:
    found = reflector.GrpcReflectionClient()
    found.load_protocols(channel, symbols=[asked.SERVICE])
    stub = found.service_stub_class(asked.SERVICE)(channel)
    kind = found.message_class("tensorflow.serving.PredictRequest")

    def predict(labels):
        return asked.of_message(stub.Predict(json_format.ParseDict(asked.message(labels), kind())).outputs["images"])

    asked.tell(predict)
