"""Which addresses jobs may connect to, and which of them a host has."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from typing import Any

from ..model.errors import FetchFailed, FetchRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_IPV4_COMPATIBLE = ipaddress.IPv6Network("::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All that has been given out of IPv6; whatever else is routed, a site routes for itself (RFC 4291, 8215, 9602)."""
_NOT_PUBLIC = (
    ipaddress.ip_network("192.0.0.0/24"),  # protocols' own (RFC 6890), and one cloud's metadata at .192
    ipaddress.ip_network("168.63.129.16/32"),  # another cloud's, which tells each of its hosts its settings
    ipaddress.ip_network("192.88.99.0/24"),  # relays of 6to4 (RFC 7526)
    ipaddress.ip_network("3fff::/20"),  # documentation (RFC 9637)
)
"""What Python does not know to be special, or not in all of its versions."""


async def resolve(host: str, port: int, allow: tuple[str, ...]) -> list[Address]:
    """Return the host's addresses, each of which may be reached.

    FetchRefused: one of them may not. FetchFailed: it has none, or nobody knows.
    """
    literal = as_address(host)
    addresses = [literal] if literal else await _look_up(host, port)
    if not addresses:
        raise FetchFailed(f"host {host[:100]} has no address", temporary=True)
    if host.lower().rstrip(".") in {entry.lower().rstrip(".") for entry in allow}:
        return addresses
    for address in addresses:
        if not may_reach(address, allow):
            what = f"{address} is" if literal else f"{host[:100]} leads to {address},"
            raise FetchRefused(
                f"{what} not public — jobs may only reach public addresses",
                fix=f"if it is meant, let the worker's operator add {address} to JOBSCHED_FETCH_ALLOW",
            )
    return addresses


def as_address(host: str) -> Address | None:
    """The address that `host` spells out in the usual way, also with the dot of a full name behind it;
    None for names and for other spellings, which are the resolver's to read."""
    try:
        return ipaddress.ip_address(host.removesuffix("."))
    except ValueError:
        return None


def may_reach(address: Address, allow: tuple[str, ...] = ()) -> bool:
    """Whether jobs may connect to `address`: it is public in every reading, or `allow` names it."""
    readings = [address, *_embedded(address)]
    for entry in allow:
        with contextlib.suppress(ValueError):
            network = ipaddress.ip_network(entry, strict=False)
            if any(reading.version == network.version and reading in network for reading in readings):
                return True
    return all(_is_public(reading) for reading in (readings[1:] or readings))


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    special = address.is_multicast or address.is_unspecified or address.is_loopback or address.is_link_local
    known = any(address.version == network.version and address in network for network in _NOT_PUBLIC)
    return address.is_global and not special and not known


def _embedded(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, NAT64, 6to4, Teredo, compatible."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in _NAT64 or (address in _IPV4_COMPATIBLE and int(address) > 1):
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.sixtofour:
        return [address.sixtofour]
    return list(address.teredo or ())


async def _look_up(host: str, port: int) -> list[Address]:
    """Resolve in a daemon thread: the loop's own executor would be waited for past the time limit."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def settle(result: list[Any] | OSError | ValueError) -> None:
        if answer.done():
            return
        if isinstance(result, list):
            answer.set_result(result)
        else:
            answer.set_exception(result)

    def ask() -> None:
        result: list[Any] | OSError | ValueError
        try:
            result = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError) as error:
            result = error
        with contextlib.suppress(RuntimeError):  # the loop has gone: nobody waits for the answer any more
            loop.call_soon_threadsafe(settle, result)

    threading.Thread(target=ask, daemon=True, name="jobsched-resolve").start()
    try:
        found = await answer
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a host name"
        raise FetchFailed(f"host {host[:100]} cannot be resolved — {reason}", temporary=True) from None
    return list(dict.fromkeys(ipaddress.ip_address(entry[4][0].partition("%")[0]) for entry in found))
