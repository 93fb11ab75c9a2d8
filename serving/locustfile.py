"""Load on a served generator, over gRPC or, where --host begins with http, over REST.

    locust -f serving/locustfile.py --headless --users 16 --spawn-rate 16 --run-time 30s \
        --host 127.0.0.1:8500 --model garments --classes 10

Needs `pip install locust` and kerasgan or kerasgan-client. Each user has a connection of its own and
asks again as soon as it has its answer.
"""

import random
import time

import grpc.experimental.gevent
from locust import User, events, task

try:
    import kerasgan_client as client
except ImportError:
    from kerasgan.client import client

grpc.experimental.gevent.init_gevent()  # locust's users are greenlets


@events.init_command_line_parser.add_listener
def add_arguments(parser):
    """What is asked for."""
    parser.add_argument("--model", default="garments", help="Name of the served model.")
    parser.add_argument("--images", type=int, default=1, help="Images a request.")
    parser.add_argument("--classes", type=int, help="Number of classes, of a conditional model.")
    parser.add_argument("--bound", type=float, help="Truncation; none by default.")
    parser.add_argument("--arrays", action="store_true", help="Ask for arrays rather than PNG files.")


class Caller(User):
    """Asks for images of random seeds and classes, again and again."""

    def on_start(self):
        """Connect, and read the model's signatures."""
        self.options = self.environment.parsed_options
        self.client = client.connect(self.host, model=self.options.model)
        self.client.signatures()

    def on_stop(self):
        """Close the connection."""
        self.client.close()

    @task
    def generate(self):
        """Ask for images once."""
        options, failed, size = self.options, None, 0
        labels = None if options.classes is None else random.randrange(options.classes)
        seed = random.randrange(2**31)
        start = time.perf_counter()
        try:
            images = self.client.generate(
                options.images, seed=seed, labels=labels, truncation=options.bound, png=not options.arrays
            )
            size = images.nbytes if options.arrays else sum(map(len, images))
        except Exception as error:  # locust counts it
            failed = error
        self.environment.events.request.fire(
            request_type="REST" if self.host.startswith("http") else "gRPC",
            name=f"{options.images} of {options.model}",
            response_time=1000 * (time.perf_counter() - start),
            response_length=size,
            exception=failed,
        )
