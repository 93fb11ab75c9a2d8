"""The generator of `serving.py` behind LitServe, as LitServe's documentation writes such a server."""

import argparse

import litserve
import numpy as np
import tensorflow as tf


class Images(litserve.LitAPI):
    """Seed and truncation in, an image as nested lists out."""

    def __init__(self, folder, **options):
        super().__init__(**options)
        self.folder = folder

    def setup(self, device):
        self.signature = tf.saved_model.load(self.folder).signatures["serving_default"]

    def decode_request(self, request):
        return request["seed"], request["truncation"]

    def batch(self, inputs):
        return tuple(zip(*inputs, strict=True))

    def predict(self, inputs):
        seeds, truncations = inputs
        seed = tf.constant(np.atleast_1d(np.array(seeds, np.int64)))
        truncation = tf.constant(np.atleast_1d(np.array(truncations, np.float32)))
        images = self.signature(seed=seed, truncation=truncation)["images"].numpy()
        return images if self.max_batch_size > 1 else images[0]

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {"images": output.tolist()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("port", type=int)
    parser.add_argument("--batch", type=int, default=1)
    given = parser.parse_args()
    options = {"max_batch_size": given.batch, "batch_timeout": 0.002} if given.batch > 1 else {}
    server = litserve.LitServer(Images(given.folder, **options), accelerator="cpu", timeout=120)
    server.run(host="127.0.0.1", port=given.port, generate_client_file=False, log_level="error")
