"""The process that a vendor's module runs in: it answers requests until its input ends.

Whatever the module does to this process, the agent reads of a module that failed. A PIN comes in
one buffer, is locked in memory where the system lets us, and is zero before the answer goes out.
"""

import ctypes
import faulthandler
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, TextIO, assert_never

from agent.cards.pkcs11.cryptoki import Cryptoki, CryptokiError, NoModuleError
from agent.cards.pkcs11.cryptoki_types import (
    CKC_X_509,
    CKO_CERTIFICATE,
    CKO_PRIVATE_KEY,
    CKU_CONTEXT_SPECIFIC,
    CKU_USER,
    AttributeType,
    CryptokiReturn,
    TokenFlag,
)
from agent.cards.pkcs11.token_wire import (
    HEAD_LENGTH,
    MAX_CERTIFICATES,
    CloseToken,
    DecryptWithToken,
    ListSlots,
    Loaded,
    LoadModule,
    ModuleRefusal,
    OpenToken,
    ReadToken,
    Reason,
    SignWithToken,
    SlotList,
    TokenAnswer,
    TokenCertificate,
    TokenContents,
    TokenRequest,
    TokenSignatures,
    TokenState,
    decode_head,
    decode_request,
    encode,
)
from agent.host.machine.memory import keep_out_of_swap, leave_no_core, shut_others_out
from agent.secret import wipe

LONGEST: Final = 900
"""Seconds after which a request ends this process, where nobody has ended it before."""
_NO_BOXES: Final = 0x8007  # SetErrorMode: no window of the system where the module crashes
_REFUSALS: Final = {
    CryptokiReturn.PIN_INCORRECT: Reason.PIN_INCORRECT,
    CryptokiReturn.PIN_INVALID: Reason.PIN_INCORRECT,
    CryptokiReturn.PIN_LEN_RANGE: Reason.PIN_LENGTH,
    CryptokiReturn.PIN_LOCKED: Reason.PIN_LOCKED,
    CryptokiReturn.FUNCTION_CANCELED: Reason.CANCELLED,
    CryptokiReturn.FUNCTION_REJECTED: Reason.CANCELLED,
    CryptokiReturn.SLOT_ID_INVALID: Reason.GONE,
    CryptokiReturn.DEVICE_REMOVED: Reason.GONE,
    CryptokiReturn.TOKEN_NOT_PRESENT: Reason.GONE,
    CryptokiReturn.TOKEN_NOT_RECOGNIZED: Reason.GONE,
}


class _RefusedError(Exception):
    """Something was not done, and why."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class ModuleHost:
    """Answers for one module."""

    def __init__(self) -> None:
        self._module: Cryptoki | None = None
        self._login: _Login | None = None
        self._session = ExitStack()  # of the login; logs out at its end

    def answer(self, request: TokenRequest, secret: bytearray | None) -> TokenAnswer:
        """Do what is asked.

        Args:
            request: what is asked.
            secret: the PIN, left as it is; None to have it typed on the reader's keypad.

        """
        used = [False]
        try:
            return self._work(request, secret, used)
        except _RefusedError as error:
            return ModuleRefusal(error.reason, error.detail, used[0])
        except NoModuleError as error:
            return ModuleRefusal(Reason.NO_MODULE, error.detail)
        except CryptokiError as error:
            reason = _REFUSALS.get(_known(error.value), Reason.FAILED)
            return ModuleRefusal(reason, error.detail, used[0])

    def close(self) -> None:
        """Let go of the module."""
        self._log_out()
        if self._module is not None:
            self._module.close()

    def _log_out(self) -> None:
        self._login = None
        self._session.close()

    def _work(
        self, request: TokenRequest, secret: bytearray | None, used: list[bool]
    ) -> TokenAnswer:
        if isinstance(request, LoadModule):
            if self._module is not None:
                raise _RefusedError(Reason.FAILED, "one module in each process")
            self._module = Cryptoki(request.path)
            return Loaded()
        if self._module is None:
            raise _RefusedError(Reason.NO_MODULE, "no module is loaded")
        match request:
            case ListSlots():
                return SlotList(tuple(_tokens(self._module)))
            case ReadToken():
                self._log_out()
                return _read(self._module, request)
            case OpenToken():
                return self._open(self._module, request, secret, used)
            case CloseToken():
                self._log_out()
                return Loaded()
            case SignWithToken() | DecryptWithToken():
                return self._use_key(self._module, request, secret, used)
        assert_never(request)

    def _open(
        self, module: Cryptoki, request: OpenToken, secret: bytearray | None, used: list[bool]
    ) -> TokenContents:
        login = self._logged_in(module, request, secret, used)
        try:
            return login.contents()
        except Exception:
            self._log_out()
            raise

    def _use_key(
        self,
        module: Cryptoki,
        request: SignWithToken | DecryptWithToken,
        secret: bytearray | None,
        used: list[bool],
    ) -> TokenSignatures:
        try:
            login = self._login
            if login is None or login.place != (request.slot, request.identity):
                login = self._logged_in(module, request, secret, used)
            used[0] = True
            return TokenSignatures(tuple(login.results(request, secret)))
        finally:
            self._log_out()

    def _logged_in(
        self,
        module: Cryptoki,
        request: OpenToken | SignWithToken | DecryptWithToken,
        secret: bytearray | None,
        used: list[bool],
    ) -> "_Login":
        self._log_out()
        with ExitStack() as stack:
            session = stack.enter_context(module.session(request.slot))
            login = _Login(module, request, session)
            login.begin(secret, used)
            self._session, self._login = stack.pop_all(), login
        return login


def _tokens(module: Cryptoki) -> Iterator[TokenState]:
    for slot in module.slots():
        try:
            token = _token(module, slot)
        except CryptokiError:
            continue  # pulled meanwhile, or a card that the module cannot read
        if token.flags & TokenFlag.TOKEN_INITIALIZED:
            yield token


def _token(module: Cryptoki, slot: int) -> TokenState:
    place, token = module.slot_info(slot), module.token_info(slot)
    texts = (token.label, token.manufacturer, token.model, token.serial)
    return TokenState(
        slot,
        bytes(place.description),
        b"".join(map(bytes, texts)),
        TokenFlag(token.flags & 0xFFFFFFFF),
        token.shortest_pin,
        token.longest_pin,
    )


def _same_token(module: Cryptoki, slot: int, identity: bytes) -> TokenState:
    """Return a token that has to be the one that was seen before."""
    token = _token(module, slot)
    if token.identity != identity:
        raise _RefusedError(Reason.GONE, "another token is in the slot")
    return token


def _read(module: Cryptoki, request: ReadToken) -> TokenContents:
    """Read what everybody may: nobody logs in for it."""
    with module.session(request.slot) as session:
        token = _same_token(module, request.slot, request.identity)
        return TokenContents(token, _certificates(module, session))


def _certificates(module: Cryptoki, session: int) -> tuple[TokenCertificate, ...]:
    wanted: dict[AttributeType, int | bytes] = {
        AttributeType.CLASS: CKO_CERTIFICATE,
        AttributeType.CERTIFICATE_TYPE: CKC_X_509,
    }
    found: list[TokenCertificate] = []
    for each in module.find(session, wanted):
        der = module.attribute(session, each, AttributeType.VALUE)
        if der and len(found) < MAX_CERTIFICATES:
            name = module.attribute(session, each, AttributeType.ID) or b""
            label = module.attribute(session, each, AttributeType.LABEL) or b""
            found.append(TokenCertificate(name[:255], label[:255], der))
    return tuple(found)


class _Login:
    """A session that somebody logs in to; after the first refusal nothing more is asked."""

    def __init__(
        self, module: Cryptoki, request: OpenToken | SignWithToken | DecryptWithToken, session: int
    ) -> None:
        self._module, self._session = module, session
        self.place = request.slot, request.identity

    def begin(self, secret: bytearray | None, used: list[bool]) -> None:
        """Log in, where it is the right token and its PIN is typed where we take it to be."""
        token = _same_token(self._module, *self.place)
        if token.flags & TokenFlag.USER_PIN_LOCKED:
            raise _RefusedError(Reason.PIN_LOCKED, "the token says that its PIN is locked")
        has_keypad = bool(token.flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH)
        if has_keypad != (secret is None):
            raise _RefusedError(Reason.FAILED, "its PIN is typed elsewhere by now")
        used[0] = True
        try:
            self._module.login(self._session, CKU_USER, secret)
        except CryptokiError as error:
            if error.value != CryptokiReturn.USER_ALREADY_LOGGED_IN:
                raise
            # The PIN was not looked at: what an earlier session has left is no proof of it.
            self._module.logout(self._session)
            self._module.login(self._session, CKU_USER, secret)

    def contents(self) -> TokenContents:
        """Read what is shown now, and how the token stands: it may have said more before."""
        token = _same_token(self._module, *self.place)
        return TokenContents(token, _certificates(self._module, self._session))

    def results(
        self, request: SignWithToken | DecryptWithToken, secret: bytearray | None
    ) -> Iterator[bytes]:
        """Use the key on each input."""
        module, session = self._module, self._session
        signs = isinstance(request, SignWithToken)
        key, again = self._find_key(request)
        for each in request.inputs:
            if signs:
                module.begin_signature(session, key, request.kind)
            else:
                module.begin_decryption(session, key)
            if again:
                module.login(session, CKU_CONTEXT_SPECIFIC, secret)
            made = module.signature(session, each) if signs else module.decryption(session, each)
            if not made:
                raise _RefusedError(Reason.FAILED, "the key made nothing")
            yield made

    def _find_key(self, request: SignWithToken | DecryptWithToken) -> tuple[int, bool]:
        """Return the private key, and whether it wants a login before each use."""
        wanted: dict[AttributeType, int | bytes] = {
            AttributeType.CLASS: CKO_PRIVATE_KEY,
            AttributeType.KEY_TYPE: int(request.kind),
            AttributeType.ID: request.key_id,
        }
        is_signing = isinstance(request, SignWithToken)
        use = AttributeType.SIGN if is_signing else AttributeType.DECRYPT
        for each in self._module.find(self._session, wanted):
            if self._module.attribute(self._session, each, use) == b"\0":
                continue
            again = self._module.attribute(self._session, each, AttributeType.ALWAYS_AUTHENTICATE)
            return each, again == b"\1"
        raise _RefusedError(Reason.NO_KEY, "the token has no such key for that")


def _known(value: int) -> CryptokiReturn:
    return CryptokiReturn(value) if value in set(CryptokiReturn) else CryptokiReturn.OK


class _Pipes:
    """Two ends of pipes, by number: whatever the module prints goes nowhere."""

    def __init__(self) -> None:
        self._from, self._to = os.dup(0), os.dup(1)
        # another way: where what is printed goes
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nowhere, number)
        os.close(nowhere)

    def read(self, buffer: bytearray) -> bool:
        """Fill a buffer; return False where nothing more comes."""
        view = memoryview(buffer)
        while view:
            count = _read_into(self._from, view)
            if not count:
                return False
            view = view[count:]
        return True

    def write(self, message: bytes) -> None:
        """Send a message, all of it."""
        view = memoryview(message)
        while view:
            view = view[os.write(self._to, view) :]


def _read_into(number: int, view: memoryview) -> int:
    # Not os.read: it gives an object that cannot be wiped.
    # another way: a pipe, of which nothing is kept
    with open(number, "rb", buffering=0, closefd=False) as pipe:
        return pipe.readinto(view) or 0


@contextmanager
def _received(pipes: _Pipes, length: int) -> Iterator[bytearray | None]:
    """Receive a PIN, and wipe it at the end; None for none.

    Raises:
        EOFError: it does not come: nobody asks any more.

    """
    if not length:
        yield None
        return
    secret = bytearray(length)
    keep_out_of_swap(secret)
    try:
        if not pipes.read(secret):
            raise EOFError
        yield secret
    finally:
        wipe(secret)


def main() -> int:
    """Answer until nobody asks any more; return the exit status."""
    logging.disable(logging.CRITICAL)
    sys.dont_write_bytecode = True
    leave_no_core()
    shut_others_out()
    if sys.platform == "win32":
        ctypes.windll.kernel32.SetErrorMode(_NO_BOXES)
    pipes = _Pipes()
    # another way: where a traceback goes that nobody reads
    with Path(os.devnull).open("w", encoding="ascii") as nowhere:
        return _serve(pipes, ModuleHost(), nowhere)


def _serve(pipes: _Pipes, host: ModuleHost, nowhere: TextIO) -> int:
    head = bytearray(HEAD_LENGTH)
    while pipes.read(head):
        kind, length, secret_length = decode_head(bytes(head))
        body = bytearray(length)
        if not pipes.read(body):
            break
        request = decode_request(kind, bytes(body))
        # Not a thread of Python's: a module that hangs may hold what such a thread waits for.
        faulthandler.dump_traceback_later(LONGEST, exit=True, file=nowhere)
        try:
            with _received(pipes, secret_length) as secret:
                answer = host.answer(request, secret)
        except EOFError:
            break
        pipes.write(encode(answer))
        faulthandler.cancel_dump_traceback_later()
    host.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
