"""The functions that pages call, by the names that the old component gave them."""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

MAX_NAME: Final = 64


class Function(Enum):
    """What a page can have done."""

    CHECK_ENVIRONMENT = auto()
    READ_CERTIFICATES = auto()
    SIGN = auto()
    DECRYPT = auto()
    UNSUPPORTED = auto()


BY_NAME: Final[Mapping[str, Function]] = MappingProxyType(
    {
        "CheckEnvir": Function.CHECK_ENVIRONMENT,
        "GetUserCert": Function.READ_CERTIFICATES,
        "pkcs11info": Function.READ_CERTIFICATES,
        "MakeSignature": Function.SIGN,
        "DecryptData": Function.DECRYPT,
    }
)
_REPLIES: Final = {
    "CheckEnvir": "pkcs11info",
    "GetUserCert": "pkcs11info",
    "MakeSignature": "sign",
    "DecryptData": "decrypt",
    "writecert": "writeCert",
    "makeCsr": "csr",
}


def reply_name(name: str) -> str:
    """Return the ``func`` of a reply: an unknown name as it is, "" for what is no identifier."""
    if len(name) > MAX_NAME or not (name.isascii() and name.isidentifier()):
        return ""
    return _REPLIES.get(name, name)
