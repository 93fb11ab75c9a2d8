import json
import subprocess
import sys

import asked


def grpcurl(*arguments):
    done = subprocess.run([f"{sys.prefix}/bin/grpcurl", "-plaintext", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def predict(labels):
    found = grpcurl("-d", json.dumps(asked.message(labels)), sys.argv[1], f"{asked.SERVICE}/Predict")
    return asked.of_dict(json.loads(found)["outputs"]["images"])


assert asked.SERVICE in grpcurl(sys.argv[1], "list").split()
asked.tell(predict)
