"""HTTP requests that no server leads to plain http elsewhere."""

import urllib.parse

import requests

from kerasgan.utils.loopback import is_loopback


class Session(requests.Session):
    """A session of one address, which looks at every request before it is sent: those too that a server leads to.

    Args:
        start: the address. Where it is on this machine, so may be http; all else is https.
    """

    def __init__(self, start):
        super().__init__()
        self.max_redirects = 10
        self._start = start
        self._is_here = is_loopback(urllib.parse.urlsplit(start).hostname)

    def send(self, request, **options):
        """Send a request; raise `ValueError` instead if it is for plain http elsewhere, or no https at all."""
        parts = urllib.parse.urlsplit(request.url)
        here = self._is_here and parts.scheme == "http" and is_loopback(parts.hostname)
        if parts.scheme != "https" and not here:
            raise ValueError(f"{self._start}: led to {parts.scheme}://{parts.hostname}; expected https")
        return super().send(request, **options)
