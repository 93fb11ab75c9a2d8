import sys

import asked
from grpc_requests import Client

client = Client.get_by_endpoint(sys.argv[1])
assert asked.SERVICE in client.service_names


def predict(labels):
    return asked.of_dict(client.request(asked.SERVICE, "Predict", asked.message(labels))["outputs"]["images"])


asked.tell(predict)
