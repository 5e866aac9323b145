"""The structures and numbers of PKCS#11 v2.40 that are used here, as its C headers lay them out."""

import ctypes
import sys
from ctypes import c_ubyte, c_ulong, c_void_p
from enum import IntEnum, IntFlag
from typing import Final

UNAVAILABLE: Final = c_ulong(-1).value
"""CK_UNAVAILABLE_INFORMATION: a length that is not told."""
CKF_SERIAL_SESSION: Final = 4
CKU_USER: Final = 1
CKU_CONTEXT_SPECIFIC: Final = 2
CKO_CERTIFICATE: Final = 1
CKO_PRIVATE_KEY: Final = 3
CKC_X_509: Final = 0


class CryptokiReturn(IntEnum):
    """What a function may return that is told apart here; ``OK`` is success."""

    OK = 0
    SLOT_ID_INVALID = 0x03
    ATTRIBUTE_SENSITIVE = 0x11
    ATTRIBUTE_TYPE_INVALID = 0x12
    DEVICE_REMOVED = 0x32
    FUNCTION_CANCELED = 0x50
    FUNCTION_NOT_SUPPORTED = 0x54
    PIN_INCORRECT = 0xA0
    PIN_INVALID = 0xA1
    PIN_LEN_RANGE = 0xA2
    PIN_LOCKED = 0xA4
    TOKEN_NOT_PRESENT = 0xE0
    TOKEN_NOT_RECOGNIZED = 0xE1
    USER_ALREADY_LOGGED_IN = 0x100
    ALREADY_INITIALIZED = 0x191
    FUNCTION_REJECTED = 0x200


class TokenFlag(IntFlag):
    """What CK_TOKEN_INFO says of a token."""

    LOGIN_REQUIRED = 0x4
    PROTECTED_AUTHENTICATION_PATH = 0x100
    TOKEN_INITIALIZED = 0x400
    USER_PIN_COUNT_LOW = 0x10000
    USER_PIN_FINAL_TRY = 0x20000
    USER_PIN_LOCKED = 0x40000


class AttributeType(IntEnum):
    """CK_ATTRIBUTE_TYPE."""

    CLASS = 0x000
    LABEL = 0x003
    VALUE = 0x011
    CERTIFICATE_TYPE = 0x080
    KEY_TYPE = 0x100
    ID = 0x102
    DECRYPT = 0x105
    SIGN = 0x108
    ALWAYS_AUTHENTICATE = 0x202


RSA_X_509: Final = 0x0003
"""CKM_RSA_X_509: the bare operation, whose block is as long as the key."""


class KeyType(IntEnum):
    """CK_KEY_TYPE of the keys that sign here."""

    RSA = 0
    EC = 3

    @property
    def mechanism(self) -> int:
        """CKM_RSA_PKCS, which takes a DigestInfo, or CKM_ECDSA, which takes a digest."""
        return 0x0001 if self is KeyType.RSA else 0x1041


class Version(ctypes.Structure):
    """CK_VERSION."""

    _fields_ = (("major", c_ubyte), ("minor", c_ubyte))


class Attribute(ctypes.Structure):
    """CK_ATTRIBUTE."""

    if sys.platform == "win32":
        _pack_ = 1  # there, and only there, the structures are packed
    _fields_ = (("type", c_ulong), ("value", c_void_p), ("length", c_ulong))


class Mechanism(ctypes.Structure):
    """CK_MECHANISM."""

    if sys.platform == "win32":
        _pack_ = 1
    _fields_ = (("mechanism", c_ulong), ("parameter", c_void_p), ("length", c_ulong))


class SlotInfo(ctypes.Structure):
    """CK_SLOT_INFO; its texts are UTF-8, filled with blanks, without an end."""

    if sys.platform == "win32":
        _pack_ = 1
    _fields_ = (
        ("description", c_ubyte * 64),
        ("manufacturer", c_ubyte * 32),
        ("flags", c_ulong),
        ("hardware", Version),
        ("firmware", Version),
    )


class TokenInfo(ctypes.Structure):
    """CK_TOKEN_INFO; its texts as of :class:`SlotInfo`."""

    if sys.platform == "win32":
        _pack_ = 1
    _fields_ = (
        ("label", c_ubyte * 32),
        ("manufacturer", c_ubyte * 32),
        ("model", c_ubyte * 16),
        ("serial", c_ubyte * 16),
        ("flags", c_ulong),
        ("sessions", c_ulong * 4),
        ("longest_pin", c_ulong),
        ("shortest_pin", c_ulong),
        ("memory", c_ulong * 4),
        ("hardware", Version),
        ("firmware", Version),
        ("time", c_ubyte * 16),
    )


class FunctionList(ctypes.Structure):
    """CK_FUNCTION_LIST: the addresses of all functions, in the order of the headers."""

    if sys.platform == "win32":
        _pack_ = 1
    _fields_ = (("version", Version), ("functions", c_void_p * 68))
