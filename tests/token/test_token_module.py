"""A vendor's module in its process: what it can do to us, which is nothing."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_der_x509_certificate

from agent.cards.pkcs11.cryptoki_types import KeyType, TokenFlag
from agent.cards.pkcs11.module_client import (
    HOST_ARGUMENT,
    TokenModule,
    TokenModuleError,
    TokenRefusalError,
    host_command,
)
from agent.cards.pkcs11.token_wire import (
    ListSlots,
    LoadModule,
    OpenToken,
    ReadToken,
    Reason,
    SignWithToken,
    SlotList,
    TokenContents,
    TokenSignatures,
    encode,
)
from agent.cms.digest import HashAlgorithm
from agent.errors import AgentError, ErrorCode
from agent.secret import SecretBytes
from tests.token.token_support import HeldKey, module_of, only_token, secret
from tests.tray.prompt.memory import copies_in_memory, said_about

MakeModule = Callable[..., TokenModule]
DIGEST = HashAlgorithm.SHA256.digest(b"hello")


def read(module: TokenModule) -> TokenContents:
    token = only_token(module)
    return module.ask(ReadToken(token.slot, token.identity), TokenContents)


def wanted(module: TokenModule, held: HeldKey | None = None, count: int = 1) -> SignWithToken:
    token = only_token(module)
    is_rsa = held is None or held.kind.startswith("rsa")
    data = HashAlgorithm.SHA256.digest_info(DIGEST) if is_rsa else DIGEST
    kind = KeyType.RSA if is_rsa else KeyType.EC
    name = bytes.fromhex(held.id) if held else b"\1"
    return SignWithToken(token.slot, token.identity, name, kind, (data,) * count)


def require_good(held: HeldKey, signature: bytes) -> None:
    key = load_der_x509_certificate(held.certificate).public_key()
    if held.kind.startswith("rsa"):
        key.verify(signature, DIGEST, PKCS1v15(), Prehashed(SHA256()))  # type: ignore[union-attr,call-arg]
        return
    half = len(signature) // 2
    numbers = (int.from_bytes(each, "big") for each in (signature[:half], signature[half:]))
    key.verify(encode_dss_signature(*numbers), DIGEST, ECDSA(Prehashed(SHA256())))  # type: ignore[union-attr,call-arg,arg-type]


def test_softhsm_signs_with_every_kind_of_key(
    softhsm: Callable[..., list[HeldKey]], softhsm_module: TokenModule
) -> None:
    held = softhsm("rsa2048", "rsa3072", "p256", "rsa2048!")
    contents = read(softhsm_module)
    assert contents.token.flags & TokenFlag.LOGIN_REQUIRED
    assert (contents.token.shortest, contents.token.longest) == (4, 255)
    assert {each.der for each in contents.certificates} == {each.certificate for each in held}
    for each in held:
        with secret() as typed:
            made = softhsm_module.ask(wanted(softhsm_module, each, count=2), TokenSignatures, typed)
            assert bytes(typed.buffer) == b"654321"  # left as it is: whoever owns it wipes it
        for signature in made.signatures:
            require_good(each, signature)


def test_a_wrong_pin_is_said_to_be_wrong(
    softhsm: Callable[..., list[HeldKey]], softhsm_module: TokenModule
) -> None:
    (held,) = softhsm("p256")
    request = wanted(softhsm_module, held)
    with pytest.raises(TokenRefusalError) as caught:
        softhsm_module.ask(request, TokenSignatures, secret(b"000000"))
    assert caught.value.refusal.reason is Reason.PIN_INCORRECT
    assert caught.value.refusal.secret_used
    assert only_token(softhsm_module).flags & TokenFlag.USER_PIN_COUNT_LOW
    made = softhsm_module.ask(request, TokenSignatures, secret())
    require_good(held, made.signatures[0])
    assert not only_token(softhsm_module).flags & TokenFlag.USER_PIN_COUNT_LOW


def test_at_rest_a_module_has_no_process_but_between_login_and_signature(
    stub_module: MakeModule, stub_log: Path
) -> None:
    module = stub_module()

    def rested() -> int | None:
        module.rest()
        return module.process_id

    assert rested() is None  # there was none
    token = only_token(module)
    assert rested() is None
    with secret() as typed:
        module.ask(OpenToken(token.slot, token.identity), TokenContents, typed)
        held = module.process_id
        assert rested() == held
        request = SignWithToken(token.slot, token.identity, b"\1", KeyType.RSA, (DIGEST,))
        module.ask(request, TokenSignatures, typed)
    assert stub_log.read_text().count("login") == 1
    assert rested() is None


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")
def test_a_pin_is_in_no_argument_and_is_gone_afterwards(
    stub_module: MakeModule, stub_log: Path
) -> None:
    module = stub_module()
    only_token(module)
    pid = module.process_id
    assert pid is not None
    odd = b"Qv7-Zk2-Wm9x"  # stands in no program by chance
    pieces = secret(odd)
    with pytest.raises(TokenRefusalError), pieces:
        module.ask(wanted(module), TokenSignatures, pieces)
    assert module.process_id == pid
    assert "login 12" in stub_log.read_text()
    assert odd not in said_about(pid)
    del odd
    needle = b"".join((b"Qv7-", b"Zk2-", b"Wm9x"))
    assert copies_in_memory(pid, needle) == []


FAULTS = {
    **{f"{how}-{where}": "" for how in ("crash", "exit") for where in ("initialize", "slots")},
    "hang-initialize": "",
    "hang-slots": "",
    "fails": "C_Initialize: 0x5",
    "no-sign": "it has no C_Sign",
    "no-list": "C_GetFunctionList gives nothing",
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_module_that_cannot_begin_fails_alone(fault: str, stub_module: MakeModule) -> None:
    module = stub_module(fault, seconds=1.5)
    with pytest.raises(TokenModuleError) as caught:
        module.ask(ListSlots(), SlotList)
    assert caught.value.code is ErrorCode.TOKEN_MODULE_FAILED
    assert caught.value.retriable
    assert FAULTS[fault] in caught.value.detail
    assert module.process_id is None
    if fault.startswith("hang"):
        assert "hung" in caught.value.detail


def test_the_next_request_starts_another_process(
    stub_module: MakeModule, stub: Callable[[str], Path]
) -> None:
    module = stub_module("crash-slots")
    with pytest.raises(TokenModuleError):
        module.ask(ListSlots(), SlotList)
    stub("")
    assert only_token(module).description.startswith(b"Stub reader")


@pytest.mark.parametrize("how", ["crash", "exit", "hang"])
@pytest.mark.parametrize("where", ["login", "sign"])
def test_a_module_that_fails_with_a_pin_fails_alone(
    how: str, where: str, stub_module: MakeModule, stub: Callable[[str], Path], stub_log: Path
) -> None:
    module = stub_module(f"{how}-{where}")
    request = wanted(module)
    with pytest.raises(TokenModuleError):
        module.ask(request, TokenSignatures, secret(), seconds=1)
    assert stub_log.read_text().count("login") == 1  # it was not tried again
    stub("")
    assert module.ask(request, TokenSignatures, secret()).signatures


def test_a_process_that_is_killed_while_it_signs_is_no_end(
    stub_module: MakeModule, stub: Callable[[str], Path], stub_log: Path
) -> None:
    module = stub_module("hang-sign")
    request = wanted(module)
    stub_log.touch()

    def kill_it() -> None:
        while "hang" not in stub_log.read_text():
            pass
        process = module._process
        assert process is not None
        process.kill()

    killer = threading.Thread(target=kill_it)
    killer.start()
    with pytest.raises(TokenModuleError, match="it ended"):
        module.ask(request, TokenSignatures, secret())
    killer.join()
    stub("")
    assert module.ask(request, TokenSignatures, secret()).signatures


def test_what_a_module_has_forked_holds_nobody_up(stub_module: MakeModule, stub_log: Path) -> None:
    module = stub_module("fork-slots")
    with pytest.raises(TokenModuleError, match="hung"):
        module.ask(ListSlots(), SlotList, seconds=0.5)  # its start is given all the time it takes
    (child,) = (line.split()[1] for line in stub_log.read_text().splitlines())
    os.kill(int(child), signal.SIGKILL)  # it was there all the time


def test_a_pin_that_was_taken_back_is_not_sent(stub_module: MakeModule, stub_log: Path) -> None:
    """Its owner wipes it where nobody waits any more; zeros would be a wrong PIN."""
    for words, typed in (("", secret()), ("protected", secret(b""))):
        module = stub_module(words)
        request = wanted(module)
        typed.wipe()
        with pytest.raises(AgentError) as caught:
            module.ask(request, TokenSignatures, typed)
        assert caught.value.code is ErrorCode.USER_CANCELLED
        assert module.ask(ListSlots(), SlotList).tokens  # nothing is left in its pipe
    assert not stub_log.exists() or "login" not in stub_log.read_text()


def test_half_a_pin_is_not_sent(stub_module: MakeModule, stub_log: Path) -> None:
    module = stub_module()
    request = wanted(module)
    half = encode(LoadModule(module.file.path)) + encode(request, 6) + b"654"
    subprocess.run(host_command(), input=half, capture_output=True, check=True)
    assert "login" not in stub_log.read_text()


@pytest.mark.parametrize(("words", "typed"), [("protected", secret()), ("", None)])
def test_a_pin_that_is_typed_elsewhere_is_not_sent(
    words: str, typed: SecretBytes | None, stub_module: MakeModule, stub_log: Path
) -> None:
    module = stub_module(words)
    with pytest.raises(TokenRefusalError) as caught:
        module.ask(wanted(module), TokenSignatures, typed)
    assert not caught.value.refusal.secret_used
    assert "login" not in stub_log.read_text()


@pytest.mark.parametrize(
    "lie", ["lie-slots", "lie-objects", "lie-attribute", "lie-sign", "empty-sign"]
)
def test_lies_about_lengths_are_refused(lie: str, stub_module: MakeModule) -> None:
    module = stub_module(lie)

    def use() -> None:
        read(module)
        module.ask(wanted(module), TokenSignatures, secret())

    with pytest.raises(TokenRefusalError) as caught:
        use()
    assert caught.value.refusal.reason is Reason.FAILED
    assert caught.value.code is ErrorCode.CARD_ERROR


def test_what_is_too_much_is_left_out(stub_module: MakeModule) -> None:
    assert read(stub_module("huge-attribute")).certificates == ()
    assert len(read(stub_module("endless")).certificates) == 32


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("locks", Reason.PIN_LOCKED),
        ("no-key", Reason.NO_KEY),
        ("cancelled", Reason.CANCELLED),
    ],
)
def test_why_it_does_not_sign(words: str, reason: Reason, stub_module: MakeModule) -> None:
    module = stub_module(words)
    with pytest.raises(TokenRefusalError) as caught:
        module.ask(wanted(module), TokenSignatures, secret())
    assert (caught.value.refusal.reason, caught.value.refusal.secret_used) == (reason, True)


def test_a_token_that_says_it_is_locked_gets_no_pin(
    stub_module: MakeModule, stub_log: Path
) -> None:
    module = stub_module("locked")
    with pytest.raises(TokenRefusalError) as caught:
        module.ask(wanted(module), TokenSignatures, secret())
    assert caught.value.refusal.reason is Reason.PIN_LOCKED
    assert not caught.value.refusal.secret_used
    assert "login" not in stub_log.read_text()


def test_another_token_gets_no_pin(
    stub_module: MakeModule, stub: Callable[[str], Path], stub_log: Path
) -> None:
    module = stub_module()
    request = wanted(module)
    module.close()
    stub("other")
    with pytest.raises(TokenRefusalError) as caught:
        module_of(module.file.path).ask(request, TokenSignatures, secret())
    assert caught.value.refusal.reason is Reason.GONE
    assert "login" not in stub_log.read_text()


def test_a_key_that_always_asks_gets_the_pin_before_each_signature(
    stub_module: MakeModule, stub_log: Path
) -> None:
    module = stub_module("always")
    module.ask(wanted(module, count=3), TokenSignatures, secret())
    calls = [line.split()[0] for line in stub_log.read_text().splitlines()]
    once = ["sign-init", "context", "sign"]
    assert [each for each in calls if each != "close"] == ["login", *once * 3]


def test_nothing_follows_a_refusal_between_signatures(
    stub_module: MakeModule, stub_log: Path
) -> None:
    module = stub_module("always refuse-second")
    with pytest.raises(TokenRefusalError) as caught:
        module.ask(wanted(module, count=3), TokenSignatures, secret())
    assert caught.value.refusal.reason is Reason.PIN_INCORRECT
    assert stub_log.read_text().count("context") == 2
    assert stub_log.read_text().count("sign 51") == 1


def test_a_keypad_is_asked_with_no_pin_at_all(stub_module: MakeModule, stub_log: Path) -> None:
    module = stub_module("protected always")
    module.ask(wanted(module), TokenSignatures)
    assert "login 0\n" in stub_log.read_text()
    assert "context 0\n" in stub_log.read_text()


def test_a_login_that_was_left_is_no_proof_of_a_pin(
    stub_module: MakeModule, stub_log: Path
) -> None:
    module = stub_module("already")
    with pytest.raises(TokenRefusalError):
        module.ask(wanted(module), TokenSignatures, secret(b"111111"))
    assert "sign" not in stub_log.read_text()


def test_a_module_may_print_and_be_initialised(stub_module: MakeModule) -> None:
    assert read(stub_module("print initialized")).certificates


def test_an_idle_process_ends(stub_module: MakeModule, stub_log: Path) -> None:
    module = stub_module(idle=0.05)
    only_token(module)
    assert module._idle is not None
    module._idle.join()
    assert module.process_id is None
    assert "finalize" in stub_log.read_text()
    assert only_token(module)


def test_a_file_that_is_no_module_is_named_as_that(tmp_path: Path) -> None:
    text = tmp_path / "text.so"
    text.write_text("no library")
    for path in (text, tmp_path / "missing.so"):
        module = module_of(path)
        with pytest.raises(TokenModuleError) as caught:
            module.ask(ListSlots(), SlotList)
        assert caught.value.is_none
        module.close()


STUBS = {
    "it says nothing": "sys.stdin.buffer.read(1)",
    "it answers garbage": "sys.stdout.buffer.write(b'x' * 64)",
    "it answers half": "sys.stdout.buffer.write(bytes((129, 0, 0)))",
    "it answers too much": "sys.stdout.buffer.write(bytes((131, 255, 255, 255, 255, 0)))",
    "it answers a request": "sys.stdout.buffer.write(bytes((2, 0, 0, 0, 0, 0)))",
}


@pytest.mark.parametrize("stub", STUBS, ids=str)
def test_a_process_that_makes_no_sense_is_ended(stub: str) -> None:
    program = (sys.executable, "-c", f"import sys; {STUBS[stub]}; sys.stdout.flush()")
    module = TokenModule(module_of("/nowhere").file, program, seconds=5)
    with pytest.raises(TokenModuleError):
        module.ask(ListSlots(), SlotList)
    assert module.process_id is None


def test_the_installed_program_is_its_own_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert host_command() == (sys.executable, HOST_ARGUMENT)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tray", HOST_ARGUMENT],
        input=encode(ListSlots()),
        capture_output=True,
        check=True,
    )
    assert b"no module is loaded" in done.stdout
