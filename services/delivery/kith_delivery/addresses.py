"""Which addresses a webhook may reach: the public Internet and nothing behind our own walls. Pure.

`ipaddress.is_global` does not answer this: it lets through several spellings of a private IPv4 address inside an IPv6
one. So the lists below are our own; for IPv6 only what is handed out for global unicast is allowed at all.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_IPV4_REFUSED = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT, and where some clouds keep their metadata
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # a cloud's host agent, behind a public-looking address
            "169.254.0.0/16",  # link-local, and where most clouds keep their metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # multicast tunnels
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
_IPV6_GLOBAL = ip_network("2000::/3")
_IPV6_REFUSED = tuple(
    map(
        ip_network,
        (
            "2001::/23",  # protocol assignments, among them Teredo, which carries any IPv4 address
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, the same
            "2620:4f:8000::/48",  # AS112
            "3fff::/20",  # documentation
        ),
    )
)


def is_allowed(address: str, *, allow_loopback: bool = False) -> bool:
    """Whether a webhook may connect to this IP address; what is not an address at all may not be reached either."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if allow_loopback and parsed.is_loopback:
        return True
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _IPV4_REFUSED)
    if parsed.scope_id or parsed not in _IPV6_GLOBAL:
        return False
    return not any(parsed in network for network in _IPV6_REFUSED)
