import asyncio
import sys

import asked
from google.protobuf import json_format
from grpclib.client import Channel, UnaryUnaryMethod
from tensorflow_serving.apis import predict_pb2


async def predict(labels):
    host, port = sys.argv[1].split(":")
    request = json_format.ParseDict(asked.message(labels), predict_pb2.PredictRequest())
    async with Channel(host, int(port)) as channel:
        kinds = predict_pb2.PredictRequest, predict_pb2.PredictResponse
        ask = UnaryUnaryMethod(channel, f"/{asked.SERVICE}/Predict", *kinds)
        return asked.of_message((await ask(request)).outputs["images"])


asked.tell(lambda labels: asyncio.run(predict(labels)))
