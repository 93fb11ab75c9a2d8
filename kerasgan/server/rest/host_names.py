"""Which host names the REST server answers to.

A web page elsewhere can give its own name an address of the reader's machine (DNS rebinding); the browser then shows
it what a server there answers. Such a request carries the page's name in its Host header.
"""

import ipaddress
import re

from kerasgan.server.errors import denied
from kerasgan.utils.loopback import is_loopback

_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::\d*)?")


class HostNames:
    """The names of a server that listens on a loopback address, or that was given some: others are refused."""

    def __init__(self, host, address, allowed=()):
        """Make the set of names.

        Args:
            host: the address or name that the server was told to listen on.
            address: the IP address that this is.
            allowed: further names.
        """
        self._names: set[str] | None = None
        if allowed or is_loopback(address):
            self._names = {_plain(name) for name in ("localhost", host, address, *allowed)}

    def check(self, given):
        """Raise `ServingError` PERMISSION_DENIED if a request is for another host.

        Args:
            given: its Host header, or None: HTTP/1.0 has none, and no browser speaks that.
        """
        if self._names is not None and given is not None and not _is_known(given, self._names):
            raise denied(f"Host {given[:100]!r} is none of this server's names (--allowed-hosts adds some)")


def _is_known(given, names):
    match = _HOST.fullmatch(given.strip())
    name = _plain(match[1] if match else given)
    return bool(name) and (name in names or name.endswith(".localhost") or is_loopback(name))


def _plain(name):
    """A name or an address in the one spelling by which they are compared."""
    name = name.strip("[]").lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
