import sys

import asked
from min_tfs_client.requests import TensorServingClient
from min_tfs_client.tensors import tensor_proto_to_ndarray

host, port = sys.argv[1].split(":")
client = TensorServingClient(host, int(port))


def predict(labels):
    return tensor_proto_to_ndarray(client.predict_request("garments", asked.arrays(labels)).outputs["images"]).tolist()


asked.tell(predict)
