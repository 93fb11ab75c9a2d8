import sys

import asked
from ovmsclient import make_grpc_client

client = make_grpc_client(sys.argv[1])
assert client.get_model_status(model_name="garments")[1]["state"] == "AVAILABLE"
assert set(client.get_model_metadata(model_name="garments")["inputs"]) == {"seed", "label", "truncation"}
asked.tell(lambda labels: client.predict(inputs=asked.arrays(labels), model_name="garments").tolist())
