"""Images from a served generator, without TensorFlow; `connect` makes a `Client`.

The other files of this package are copied from kerasgan when the wheel is built; see client/pyproject.toml.
"""

from kerasgan_client import seeds
from kerasgan_client.client import Client, connect

__all__ = ["Client", "connect", "seeds"]
