"""Addresses that lead to this machine alone."""

import ipaddress


def is_loopback(host: str | None) -> bool:
    """Whether a host is "localhost" or an IP address of this machine alone; names are not looked up."""
    if host == "localhost":
        return True
    try:
        found = ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback
