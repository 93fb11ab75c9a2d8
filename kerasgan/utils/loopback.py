"""Addresses that lead to this machine alone."""

import ipaddress


def is_loopback(host: str | None) -> bool:
    """Whether a host is "localhost" or an IP address of this machine alone; names are not looked up."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback
