"""What a page may have computed without card and consent: one text made of another.

Each takes at most 1 MiB of text and a few milliseconds; none needs a thread. Fields are given as
JSON had them. Of all functions: no text is error 7, a longer one 33.
"""

import base64

from agent.web.jrsys.errors import JrsysError, ReturnValue
from agent.web.jrsys.values import (
    Formats,
    digest_algorithm,
    encoded,
    read_hex,
    read_text,
    without_blanks,
    write_hex,
)


def hex_to_base64(text: object) -> str:
    """Write in base64 (RFC 4648 §4, no line ends) what a page has in hex.

    Raises:
        JrsysError: not hex (32).

    """
    return base64.b64encode(read_hex(text)).decode()


def base64_to_hex(text: object, formats: Formats) -> str:
    """Write in hex what a page has in base64, with blanks and line ends anywhere.

    Raises:
        JrsysError: not base64 with its padding (32).

    """
    given = read_text(text)
    try:
        octets = base64.b64decode(without_blanks(given), validate=True)
    except ValueError as error:
        raise JrsysError(ReturnValue.DATA) from error
    return write_hex(octets, formats)


def unicode_to_hex(text: object, formats: Formats) -> str:
    """Write the octets of a text in hex, by ``formats.unicode``.

    Raises:
        JrsysError: half a surrogate pair stands in it (32).

    """
    return write_hex(encoded(read_text(text), formats.unicode), formats)


def hex_to_unicode(text: object, formats: Formats) -> str:
    """Return the text whose octets, by ``formats.unicode``, a page has in hex.

    Raises:
        JrsysError: not hex, or not the octets of a text (32).

    """
    octets = read_hex(text)
    try:
        return octets.decode(formats.unicode)
    except ValueError as error:
        raise JrsysError(ReturnValue.DATA) from error


def digest_of_hex(text: object, algorithm: object, formats: Formats) -> str:
    """Return in hex the digest of octets that a page has in hex.

    Args:
        text: hex.
        algorithm: its number, see :func:`~agent.web.jrsys.values.digest_algorithm`.
        formats: of hex.

    Raises:
        JrsysError: no such hash (112), or not hex (32).

    """
    return write_hex(digest_algorithm(algorithm).digest(read_hex(text)), formats)


def digest_of_text(text: object, algorithm: object, formats: Formats) -> str:
    """Return in hex a digest, as the older dialect asks for it.

    Its field is called data, not hex. Nobody knows which it is: hex where it can be hex, and else
    plain text in ``formats.text``.

    Raises:
        JrsysError: no such hash (112), or a text that its charset cannot write (32).

    """
    given, chosen = read_text(text), digest_algorithm(algorithm)
    try:
        octets = read_hex(given)
    except JrsysError:
        octets = encoded(given, formats.text)
    return write_hex(chosen.digest(octets), formats)
