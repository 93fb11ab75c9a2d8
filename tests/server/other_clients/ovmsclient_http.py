import sys

import asked
from ovmsclient import make_http_client

client = make_http_client(sys.argv[2].removeprefix("http://"))
assert client.get_model_status(model_name="garments")[1]["state"] == "AVAILABLE"
asked.tell(lambda labels: client.predict(inputs=asked.arrays(labels), model_name="garments").tolist())
