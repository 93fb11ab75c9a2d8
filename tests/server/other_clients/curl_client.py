import json
import subprocess
import sys

import asked


def predict(labels):
    body, url = json.dumps({"instances": asked.rows(labels)}), f"{sys.argv[2]}/v1/models/garments:predict"
    done = subprocess.run(["curl", "--silent", "--compressed", "--data", body, url], capture_output=True, check=True)
    found = json.loads(done.stdout)
    if "error" in found:
        raise RuntimeError(found["error"])
    return found["predictions"]


asked.tell(predict)
