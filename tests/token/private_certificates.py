"""Write certificates to a token that it shows after a login alone, which pkcs11-tool cannot.

``python -m tests.token.private_certificates MODULE PIN FILE ID [FILE ID]…``
"""

import ctypes
import sys
from ctypes import byref, c_ubyte, c_ulong, c_void_p
from pathlib import Path

from cryptography.x509 import load_der_x509_certificate

from agent.cards.pkcs11.cryptoki_types import (
    CKC_X_509,
    CKF_SERIAL_SESSION,
    CKO_CERTIFICATE,
    CKU_USER,
    Attribute,
    AttributeType,
)

CKF_RW_SESSION = 2
TOKEN, PRIVATE, SUBJECT = 1, 2, 0x101


def done(value: int) -> None:
    assert value == 0, hex(value)


def template(values: dict[int, int | bool | bytes]) -> ctypes.Array[Attribute]:
    kept = []
    for value in values.values():
        if isinstance(value, bool):
            kept.append((c_ubyte * 1)(value))
        elif isinstance(value, int):
            kept.append(c_ulong(value))
        else:
            kept.append((c_ubyte * len(value)).from_buffer_copy(value))
    made = (Attribute * len(kept))()
    for each, kind, value in zip(made, values, kept, strict=True):
        each.type, each.length = kind, ctypes.sizeof(value)
        each.value = ctypes.cast(ctypes.pointer(value), c_void_p)
    made.kept = kept
    return made


def main(module: str, pin: str, *certificates: str) -> None:
    library = ctypes.CDLL(module)
    slots, count, session = (c_ulong * 16)(), c_ulong(16), c_ulong()
    done(library.C_Initialize(None))
    done(library.C_GetSlotList(c_ubyte(1), slots, byref(count)))
    flags = c_ulong(CKF_SERIAL_SESSION | CKF_RW_SESSION)
    done(library.C_OpenSession(c_ulong(slots[0]), flags, None, None, byref(session)))
    done(library.C_Login(session, c_ulong(CKU_USER), pin.encode(), c_ulong(len(pin))))
    for file, name in zip(certificates[::2], certificates[1::2], strict=True):
        der = Path(file).read_bytes()
        values: dict[int, int | bool | bytes] = {
            AttributeType.CLASS: CKO_CERTIFICATE,
            AttributeType.CERTIFICATE_TYPE: CKC_X_509,
            TOKEN: True,
            PRIVATE: True,
            AttributeType.LABEL: f"Key {name}".encode(),
            SUBJECT: load_der_x509_certificate(der).subject.public_bytes(),
            AttributeType.ID: bytes.fromhex(name),
            AttributeType.VALUE: der,
        }
        made = template(values)
        done(library.C_CreateObject(session, made, c_ulong(len(values)), byref(c_ulong())))
    done(library.C_Finalize(None))


if __name__ == "__main__":
    main(*sys.argv[1:])
