"""Addresses of the services that the operator names: nothing about people goes there in clear."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def checked_url(url: str, setting: str) -> str:
    """Return a URL that is https, or plain http to this computer.

    Args:
        url: of a service that is told something about people.
        setting: the operator's name for it.

    Raises:
        ValueError: the URL is anything else; the text is for the operator.

    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{setting} is no address") from error
    if host and parts.scheme == "https":
        return url
    if host and parts.scheme == "http" and is_this_computer(host):
        return url
    raise ValueError(f"{setting} must be https, or http on this machine")


def is_this_computer(host: str) -> bool:
    """Return whether a host is this computer by its name: ``localhost`` or a loopback address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_http(url: str) -> None:
    """Refuse an address that is not plain http or https.

    Raises:
        ValueError: it has another scheme, no host, or a user name; the text does not repeat it.

    """
    try:
        parts = urlsplit(url)
        host, user, _ = parts.hostname, parts.username, parts.port
    except ValueError as error:
        raise ValueError("malformed address") from error
    if parts.scheme not in ("http", "https") or not host or user is not None:
        what = "one with a user name" if user is not None else parts.scheme or "a path"
        raise ValueError(f"only plain http and https addresses are fetched, not {what}")
