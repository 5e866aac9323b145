"""The functions of a PKCS#11 module (v2.40) through ctypes; only in the process made for it.

No count and no length that the module gives is believed beyond the buffer that was handed to it.
A PIN goes from a bytearray straight into C_Login, without a copy.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import byref, c_ubyte, c_ulong, c_void_p
from typing import Any, Final

from agent.cards.pkcs11.cryptoki_types import (
    CKF_SERIAL_SESSION,
    RSA_X_509,
    UNAVAILABLE,
    Attribute,
    AttributeType,
    CryptokiReturn,
    FunctionList,
    KeyType,
    Mechanism,
    SlotInfo,
    TokenInfo,
)
from agent.errors import AgentError, ErrorCode

MAX_SLOTS: Final = 32
_MORE_SLOTS: Final = 256  # than these are an error
MAX_OBJECTS: Final = 64
MAX_ATTRIBUTE: Final = 16 * 1024
"""Bytes of the longest attribute that is read: a large certificate."""
MAX_SIGNATURE: Final = 1024
"""Bytes of the longest signature: RSA of 8192 bits."""
_ANY: Final = (c_void_p,)
_FUNCTIONS: Final[dict[str, tuple[int, tuple[Any, ...]]]] = {
    "C_Initialize": (0, _ANY),
    "C_Finalize": (1, _ANY),
    "C_GetSlotList": (4, (c_ubyte, c_void_p, c_void_p)),
    "C_GetSlotInfo": (5, (c_ulong, c_void_p)),
    "C_GetTokenInfo": (6, (c_ulong, c_void_p)),
    "C_OpenSession": (12, (c_ulong, c_ulong, c_void_p, c_void_p, c_void_p)),
    "C_CloseSession": (13, (c_ulong,)),
    "C_Login": (18, (c_ulong, c_ulong, c_void_p, c_ulong)),
    "C_Logout": (19, (c_ulong,)),
    "C_GetAttributeValue": (24, (c_ulong, c_ulong, c_void_p, c_ulong)),
    "C_FindObjectsInit": (26, (c_ulong, c_void_p, c_ulong)),
    "C_FindObjects": (27, (c_ulong, c_void_p, c_ulong, c_void_p)),
    "C_FindObjectsFinal": (28, (c_ulong,)),
    "C_DecryptInit": (33, (c_ulong, c_void_p, c_ulong)),
    "C_Decrypt": (34, (c_ulong, c_void_p, c_ulong, c_void_p, c_void_p)),
    "C_SignInit": (42, (c_ulong, c_void_p, c_ulong)),
    "C_Sign": (43, (c_ulong, c_void_p, c_ulong, c_void_p, c_void_p)),
}
"""Where each function stands in CK_FUNCTION_LIST, and what it takes."""
_MAY_BE_MISSING: Final = frozenset({"C_DecryptInit", "C_Decrypt"})
"""A module that only signs need not have them."""


class NoModuleError(AgentError):
    """A file cannot be loaded, or is no PKCS#11 module; ``detail`` says which."""

    code = ErrorCode.TOKEN_MODULE_FAILED


class CryptokiError(AgentError):
    """A function failed.

    Attributes:
        value: what it returned, a CK_RV; 0 where what it returned is impossible.

    """

    code = ErrorCode.CARD_ERROR

    def __init__(self, function: str, value: int) -> None:
        super().__init__(f"{function}: {value:#x}" if value else f"{function}: impossible")
        self.value = value


class Cryptoki:
    """One module, initialised; for one thread."""

    def __init__(self, path: str) -> None:
        """Load and initialise it.

        Args:
            path: absolute.

        Raises:
            NoModuleError: it is no module, or one for another kind of processor.
            CryptokiError: it does not start.

        """
        try:
            self._library = ctypes.CDLL(path)
            get = self._library.C_GetFunctionList
        except (OSError, AttributeError) as error:
            raise NoModuleError(str(error)) from error
        get.restype, get.argtypes = c_ulong, _ANY
        found = ctypes.POINTER(FunctionList)()
        if get(byref(found)) != CryptokiReturn.OK or not bool(found):
            raise NoModuleError("C_GetFunctionList gives nothing")
        self._functions = _bind(found.contents)
        self._call("C_Initialize", None, accepted=(CryptokiReturn.ALREADY_INITIALIZED,))

    def slots(self) -> list[int]:
        """Return the slots with a token in them, 32 at most."""
        count = c_ulong(0)
        # Without an array this is also how a module learns that it should look again.
        self._call("C_GetSlotList", 1, None, byref(count))
        slots = (c_ulong * _MORE_SLOTS)()
        count.value = _MORE_SLOTS
        self._call("C_GetSlotList", 1, slots, byref(count))
        self._check("C_GetSlotList", count.value, _MORE_SLOTS)
        return list(slots[: min(count.value, MAX_SLOTS)])

    def slot_info(self, slot: int) -> SlotInfo:
        """Return what a slot says of itself."""
        found = SlotInfo()
        self._call("C_GetSlotInfo", slot, byref(found))
        return found

    def token_info(self, slot: int) -> TokenInfo:
        """Return what the token in a slot says of itself."""
        found = TokenInfo()
        self._call("C_GetTokenInfo", slot, byref(found))
        return found

    @contextmanager
    def session(self, slot: int) -> Iterator[int]:
        """Open a session that cannot change the token; it is logged out and closed at the end."""
        handle = c_ulong(0)
        self._call("C_OpenSession", slot, CKF_SERIAL_SESSION, None, None, byref(handle))
        try:
            yield handle.value
        finally:
            for name in ("C_Logout", "C_CloseSession"):
                with suppress(CryptokiError):  # nobody had logged in, or the token is gone
                    self._call(name, handle.value)

    def login(self, session: int, user: int, secret: bytearray | None) -> None:
        """Log in.

        Args:
            session: where.
            user: CKU_USER or CKU_CONTEXT_SPECIFIC.
            secret: the PIN, at least one byte, left as it is; None to have it typed on the
                reader's own keypad.

        Raises:
            CryptokiError: it is refused.

        """
        if secret is None:
            self._call("C_Login", session, user, None, 0)
            return
        buffer = (c_ubyte * len(secret)).from_buffer(secret)
        self._call("C_Login", session, user, buffer, len(secret))

    def logout(self, session: int) -> None:
        """Log out.

        Raises:
            CryptokiError: nobody had logged in.

        """
        self._call("C_Logout", session)

    def find(self, session: int, wanted: dict[AttributeType, int | bytes]) -> list[int]:
        """Return the objects with these attributes, 64 at most."""
        kept = [_value(value) for value in wanted.values()]
        template = (Attribute * len(wanted))(
            *(
                Attribute(kind, ctypes.addressof(value), ctypes.sizeof(value))
                for kind, value in zip(wanted, kept, strict=True)
            )
        )
        found: list[int] = []
        objects, count = (c_ulong * MAX_OBJECTS)(), c_ulong(0)
        self._call("C_FindObjectsInit", session, template, len(wanted))
        try:
            while len(found) < MAX_OBJECTS:
                self._call("C_FindObjects", session, objects, MAX_OBJECTS, byref(count))
                self._check("C_FindObjects", count.value, MAX_OBJECTS)
                if not count.value:
                    break
                found.extend(objects[: count.value])
        finally:
            with suppress(CryptokiError):
                self._call("C_FindObjectsFinal", session)
        return found[:MAX_OBJECTS]

    def attribute(self, session: int, handle: int, kind: AttributeType) -> bytes | None:
        """Read an attribute; None where it is not told, or longer than 16 KiB.

        Raises:
            CryptokiError: it cannot be read, or its length is impossible.

        """
        asked = Attribute(kind, None, 0)
        untold = (CryptokiReturn.ATTRIBUTE_SENSITIVE, CryptokiReturn.ATTRIBUTE_TYPE_INVALID)
        value = self._call("C_GetAttributeValue", session, handle, byref(asked), 1, accepted=untold)
        if value or asked.length == UNAVAILABLE or asked.length > MAX_ATTRIBUTE:
            return None
        size = asked.length
        buffer = (c_ubyte * max(size, 1))()
        asked.value = ctypes.cast(buffer, c_void_p)
        self._call("C_GetAttributeValue", session, handle, byref(asked), 1)
        self._check("C_GetAttributeValue", asked.length, size)
        return bytes(buffer[: asked.length])

    def begin_signature(self, session: int, key: int, kind: KeyType) -> None:
        """Begin a signature; a key that always asks takes its login after this."""
        mechanism = Mechanism(kind.mechanism, None, 0)
        self._call("C_SignInit", session, byref(mechanism), key)

    def signature(self, session: int, data: bytes) -> bytes:
        """End a signature: of a DigestInfo by an RSA key, of a digest by an EC key (r and s)."""
        return self._made("C_Sign", session, data)

    def begin_decryption(self, session: int, key: int) -> None:
        """Begin the bare operation of an RSA key; a login as for a signature."""
        mechanism = Mechanism(RSA_X_509, None, 0)
        self._call("C_DecryptInit", session, byref(mechanism), key)

    def decryption(self, session: int, data: bytes) -> bytes:
        """End it; return the block, with whatever padding is around what was encrypted."""
        return self._made("C_Decrypt", session, data)

    def _made(self, name: str, session: int, data: bytes) -> bytes:
        made, length = (c_ubyte * MAX_SIGNATURE)(), c_ulong(MAX_SIGNATURE)
        try:
            self._call(name, session, data, len(data), made, byref(length))
            self._check(name, length.value, MAX_SIGNATURE)
            return bytes(made[: length.value])
        finally:
            ctypes.memset(made, 0, MAX_SIGNATURE)

    def close(self) -> None:
        """Let the module end what it has begun."""
        with suppress(CryptokiError):
            self._call("C_Finalize", None)

    def _call(self, name: str, *arguments: Any, accepted: tuple[int, ...] = ()) -> int:
        if name not in self._functions:
            raise CryptokiError(name, CryptokiReturn.FUNCTION_NOT_SUPPORTED)
        value = int(self._functions[name](*arguments))
        if value != CryptokiReturn.OK and value not in accepted:
            raise CryptokiError(name, value)
        return value

    def _check(self, name: str, told: int, most: int) -> None:
        if told > most:
            raise CryptokiError(name, 0)


def _bind(functions: FunctionList) -> dict[str, Any]:
    """Return the functions by their names, as far as there are any.

    Raises:
        NoModuleError: one is missing that no module may lack.

    """
    found: dict[str, Any] = {}
    for name, (place, arguments) in _FUNCTIONS.items():
        address = functions.functions[place]
        if not address and name in _MAY_BE_MISSING:
            continue
        if not address:
            raise NoModuleError(f"it has no {name}")
        found[name] = ctypes.CFUNCTYPE(c_ulong, *arguments)(address)
    return found


def _value(value: int | bytes) -> Any:
    if isinstance(value, int):
        return c_ulong(value)
    return (c_ubyte * len(value)).from_buffer_copy(value)
