"""Reaches a URL that somebody else chose, without becoming their way into the network.

The host is resolved once, every address it has must be public (what `ipaddress` calls global, also
inside the IPv6 forms that carry an IPv4 address), and the connection goes to that address, so a
name that resolves differently the second time gains nothing. Every redirect passes the same door.
Proxy variables are ignored: a proxy would resolve the name for itself.

    addresses   which addresses may be reached, and which of them a host has
    redirects   what is asked of the next URL, and what it is not told
    exchange    one request and its answer, within one time limit
    download    a whole body, or an error
"""

from __future__ import annotations

from .addresses import may_reach
from .download import Fetched, fetch, fetch_async
from .exchange import Answer, FetchPolicy, exchange
from .redirects import Call, shown
from .statuses import REDIRECTS, TEMPORARY, retry_after

__all__ = [
    "REDIRECTS",
    "TEMPORARY",
    "Answer",
    "Call",
    "FetchPolicy",
    "Fetched",
    "exchange",
    "fetch",
    "fetch_async",
    "may_reach",
    "retry_after",
    "shown",
]
