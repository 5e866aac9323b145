"""The changes that are tried: how CONTRIBUTING.md says that they are made, as edits."""

from typing import Final

from tests.house.change import Change, Edit

COMMAND: Final = Change(
    name="a command",
    edits=(
        Edit(
            "agent/commands/greet.py",
            '''"""``ankong greet``: say hello."""

from agent.commands.output import say
from agent.commands.parser import CommandOptions, CommandParser, define


def add(parser: CommandParser) -> None:
    """Add the command's options."""
    define(parser, CommandOptions, greet)


def greet(options: CommandOptions) -> int:
    """Say hello to whoever uses the folder."""
    say(f"hello from {options.state_dir}")
    return 0
''',
        ),
        Edit(
            "agent/cli.py",
            '        "greet",\n',
            before='        "history",\n',
        ),
        *(
            Edit(
                f"agent/words/{locale}.po",
                f'msgctxt "cli.greet.about"\nmsgid "Say hello"\nmsgstr "{hello}"\n\n',
                before='msgctxt "cli.quit.about"',
            )
            for locale, hello in (
                ("en", "Say hello"),
                ("zh_TW", "打招呼"),
                ("vi", "Chào"),
                ("id", "Sapa"),
            )
        ),
    ),
    proof="""
from agent.cli import run


def test_the_new_command_runs(capsys) -> None:
    assert run(["greet", "--state-dir", "here"]) == 0
    assert capsys.readouterr().out == "hello from here\\n"
""",
    tests=("tests/unit/test_command_line.py", "tests/unit/test_architecture_start.py"),
)

SETTING: Final = Change(
    name="a policy setting",
    edits=(
        Edit(
            "installer/README.md",
            "| `max_documents` | how many documents one request may have signed |\n",
            before="| `last_try` |",
        ),
        Edit(
            "agent/host/settings/config.py",
            "        max_documents: how many documents one request may have signed.\n",
            before="        last_try: ",
        ),
        Edit(
            "agent/host/settings/config.py",
            "    max_documents: Annotated[int, Meta(ge=1, le=500), Lock()] = 500\n",
            before="    last_try: Annotated",
        ),
        Edit(
            "agent/commands/daemon.py",
            "            max_documents=self.settings.max_documents,\n",
            before="            last_try=self.settings.last_try,\n",
        ),
        Edit(
            "agent/signing/service.py",
            "        max_documents: int = 500,\n",
            before="        last_try: bool = True,\n",
        ),
        Edit(
            "agent/signing/service.py",
            "            max_documents: how many documents one request may have signed.\n",
            before="            last_try: whether ",
        ),
        Edit(
            "agent/signing/service.py",
            "        self._max_documents = max_documents\n",
            before="        self._last_try = last_try\n",
        ),
        Edit(
            "agent/signing/service.py",
            "        if len(request.documents) > self._max_documents:\n"
            '            raise AgentError("too many documents", code=ErrorCode.BAD_REQUEST)\n',
            before="        task = SignTask(request, self._clock)\n",
        ),
    ),
    proof="""
import pytest

from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.errors import AgentError
from agent.host.settings.config import Settings
from agent.host.settings.policy import Policy
from agent.origin import LOCAL_USER
from agent.signing.model import SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard.provider import VirtualProvider


def test_a_policy_lays_it_down(tmp_path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("max_documents = 2")
    policy = Policy.load(path, administrators_only=False)
    assert policy.over(Settings(max_documents=9)).max_documents == 2


async def test_more_documents_are_refused() -> None:
    service = SigningService(VirtualProvider(), AlwaysAllow(), max_documents=1)
    request = SignatureRequest((Document(data=b"one"), Document(data=b"two")))
    with pytest.raises(AgentError, match="too many documents"):
        await service.sign(LOCAL_USER, request, None)
""",
    tests=(
        "tests/unit/host/test_policy.py",
        "tests/unit/host/test_flags.py",
        "tests/signing/test_policy_in_force.py",
        "tests/web/hipki/test_memory.py",
    ),
)

ERROR_CODE: Final = Change(
    name="an error code",
    edits=(
        Edit(
            "agent/errors.py",
            '    CARD_WORN_OUT = "card_worn_out"\n',
            before='    INTERNAL = "internal"\n',
        ),
        Edit(
            "agent/web/front/refusal.py",
            '    ErrorCode.CARD_WORN_OUT: "the card is worn out",\n',
            before='    ErrorCode.INTERNAL: "',
        ),
        Edit(
            "agent/web/hipki/errors.py",
            "    ErrorCode.CARD_WORN_OUT: (Major.CARD_INFORMATION, Minor.NONE),\n",
            before="    ErrorCode.INTERNAL: ",
        ),
        Edit(
            "agent/web/jrsys/errors.py",
            "    ErrorCode.CARD_WORN_OUT: ReturnValue.READER,\n",
            before="    ErrorCode.INTERNAL: ",
        ),
        *(
            Edit(
                f"agent/words/{locale}.po",
                'msgctxt "errors.codes.card_worn_out.meaning"\nmsgid "It is worn out."\n'
                f'msgstr "{meaning}"\n\nmsgctxt "errors.codes.card_worn_out.citizen"\n'
                f'msgid "Ask for a new one."\nmsgstr "{citizen}"\n\n',
                before='msgctxt "errors.codes.internal.meaning"',
            )
            for locale, meaning, citizen in (
                ("en", "It is worn out.", "Ask for a new one."),
                ("zh_TW", "卡片已經磨損。", "請申請新的卡片。"),
                ("vi", "Thẻ đã mòn.", "Hãy xin thẻ mới."),
                ("id", "Kartu sudah aus.", "Mintalah kartu baru."),
            )
        ),
        Edit(
            "tests/web/hipki/test_errors.py",
            "    ErrorCode.CARD_WORN_OUT: (1980760075, 0),\n",
            before="    ErrorCode.INTERNAL: ",
        ),
        Edit(
            "tests/web/jrsys/test_jrsys_errors.py",
            "    ErrorCode.CARD_WORN_OUT: 48,\n",
            before="    ErrorCode.INTERNAL: ",
        ),
    ),
    generate=("agent.web.native.openapi", "agent.web.native.error_catalogue"),
    proof="""
import json

from agent.errors import AgentError, ErrorCode
from agent.web.hipki.errors import numbers
from agent.web.front.refusal import refusal_bytes


def test_a_page_is_told() -> None:
    error = AgentError(code=ErrorCode.CARD_WORN_OUT)
    told = json.loads(refusal_bytes(1, error))["error"]
    assert (told["code"], told["message"]) == ("card_worn_out", "the card is worn out")
    assert numbers(error).fields()["ret_code"] == 1980760075
""",
    tests=(
        "tests/web/test_error_catalogue.py",
        "tests/web/test_openapi.py",
        "tests/web/test_messages.py",
        "tests/web/hipki/test_errors.py",
        "tests/web/jrsys/test_jrsys_errors.py",
        "tests/signing/test_history.py",
    ),
)

LANGUAGE: Final = Change(
    name="a language",
    edits=(
        Edit(
            "agent/words/language.py",
            '    FRENCH = "fr", "Français", False, "fr", 0x040C, "French", "Segoe UI", "fr-FR"\n',
            before="    # fmt: on\n",
        ),
        Edit(
            "agent/words/fr.po",
            source="agent/words/en.po",
            instead=('"Language: en\\n"', '"Language: fr\\n"'),
        ),
    ),
    proof="""
from agent.words import Language, load


def test_it_can_be_chosen_and_says_everything() -> None:
    french = Language("fr")
    assert french.endonym == "Français"
    assert list(load(french)) == list(load(Language.ENGLISH))


def test_nobody_gets_it_unasked() -> None:
    from agent.words.language import of_tag

    assert of_tag("fr-FR") is Language.ENGLISH
""",
    tests=(
        "tests/unit/test_words.py",
        "tests/unit/test_command_line.py",
        "tests/installer/wizard/test_pages.py",
        "tests/tray/test_view.py",
    ),
)

# People see it under the name of any card that is supported, until each catalogue gets a text.
GENERATION: Final = Change(
    name="a card generation",
    edits=(
        Edit(
            "agent/cards/gen3.py",
            '''"""A third generation: one applet, one key, and a PIN in plain text."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from agent.cards.card import (
    ID_SIGN,
    Card,
    CardDriver,
    CardGeneration,
    PinRules,
    StoredCertificate,
)
from agent.cards.memory import CardMemory
from agent.cards.session import CardSession
from agent.cms.digest import HashAlgorithm
from agent.errors import CardError, KeyNotFoundError, OtherGenerationError, PinError
from agent.iso7816 import CommandApdu
from agent.secret import SecretBytes
from agent.transport.base import Connection

ATR = bytes.fromhex("3B85800167656E333366")  # historical bytes gen33
AID = bytes.fromhex("F067656E33")


class Gen3Card(Card):
    """Selects the applet; the key signs a DigestInfo (ISO/IEC 7816-8)."""

    generation: ClassVar[CardGeneration] = "gen3"
    pin_rules: ClassVar[PinRules] = PinRules(shortest=4, longest=8, attempts=3)

    def __init__(self, session: CardSession, memory: CardMemory) -> None:
        self._session = session
        try:
            number = session.send(CommandApdu(0, 0xA4, 4, 0, AID, 256), "SELECT the applet")
        except CardError as error:
            raise OtherGenerationError("not a gen3 card") from error
        self._serial = number.decode("ascii")
        self._record = memory.record(self._serial)
        self._attempts = memory.attempts

    @property
    def serial(self) -> str:
        return self._serial

    @property
    def attempts_left(self) -> int | None:
        return self._attempts.read(self._serial)

    @property
    def pin_sent(self) -> bool:
        return self._session.pin_sent

    def certificates(self) -> tuple[StoredCertificate, ...]:
        return tuple(self.certificates_of(ID_SIGN))

    def certificates_of(self, key_id: bytes) -> Iterator[StoredCertificate]:
        if key_id != ID_SIGN:
            raise KeyNotFoundError("no such key on the card")
        yield StoredCertificate(ID_SIGN, "cert1", self._session.read_binary(0, 0, 4096))

    def is_proven(self, certificate: StoredCertificate) -> bool:
        return certificate in self._record.proven

    def prove(self, *certificates: StoredCertificate) -> None:
        self._record.proven |= frozenset(certificates)

    def reject(self, certificate: StoredCertificate) -> None:
        self._record.rejected |= {certificate}

    def read_again(self, certificate: StoredCertificate) -> None:
        if certificate not in self.certificates():
            raise CardError("a certificate was read differently twice")

    def forget(self) -> None:
        self._record.forget()

    def sign(
        self, key_id: bytes, pin: SecretBytes, digests: Sequence[tuple[HashAlgorithm, bytes]]
    ) -> tuple[bytes, ...]:
        next(self.certificates_of(key_id))
        self.pin_rules.check(pin)
        command = SecretBytes(bytearray((0, 0x20, 0, 1, len(pin), *pin.buffer)))
        if self.attempts_left:  # before it is known whether the PIN is right
            self._attempts.write(self._serial, max(1, self.attempts_left - 1))
        try:
            self._session.verify(command)
        except PinError as error:
            if error.attempts_left is not None:
                self._attempts.write(self._serial, error.attempts_left)
            raise
        self._attempts.write(self._serial, self.pin_rules.attempts)
        return tuple(
            self._session.send(
                CommandApdu(0, 0x2A, 0x9E, 0x9A, hash_.digest_info(digest), 256), "sign"
            )
            for hash_, digest in digests
        )

    def decrypt(
        self, key_id: bytes, pin: SecretBytes, cryptograms: Sequence[bytes]
    ) -> tuple[bytes, ...]:
        raise KeyNotFoundError("no key on the card decrypts")


class Gen3Driver(CardDriver):
    """The driver."""

    generation = Gen3Card.generation

    def __init__(self, memory: CardMemory) -> None:
        self._memory = memory

    @contextmanager
    def open(self, connection: Connection) -> Iterator[Card]:
        with CardSession.open(connection) as session:
            yield Gen3Card(session, self._memory)

    def probe(self, connection: Connection) -> bool:
        try:
            with self.open(connection):
                return True
        except OtherGenerationError:
            return False
''',
        ),
        Edit(
            "agent/cards/registry.py",
            "from agent.cards.gen3 import ATR as GEN3_ATR\n"
            "from agent.cards.gen3 import Gen3Driver\n",
            before="from agent.cards.memory ",
        ),
        Edit(
            "agent/cards/registry.py",
            "        third = Gen3Driver(self.memory)\n",
            before="        # Probing asks",
        ),
        Edit("agent/cards/registry.py", "third, ", before="second, first)"),
        Edit(
            "agent/cards/registry.py",
            "            GEN3_ATR: third,\n",
            before="            gen2.ATR: second,\n",
        ),
        Edit("agent/cards/card.py", '"gen3", ', before='"gen1", "gen2"]'),
        Edit("agent/web/sdk/ankong.js", '"gen3"|', before='"gen1"|"gen2"|null'),
    ),
    generate=("agent.web.native.openapi",),
    proof="""
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.errors import AgentError
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import SignatureFormat, SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard.provider import VirtualProvider
from agent.web.native import convert, wire


class SmallCard:
    \"\"\"Answers with the four commands that it knows.\"\"\"

    data = SimpleNamespace(options=SimpleNamespace(t0=False))

    def __init__(self, atr: str) -> None:
        self.atr = bytes.fromhex(atr)
        self.key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Somebody")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder(name, name, self.key.public_key(), 1)
            .not_valid_before(now - timedelta(1))
            .not_valid_after(now + timedelta(1))
            .sign(self.key, SHA256())
            .public_bytes(Encoding.DER)
        )
        self.tries = 3
        self.reset()

    def reset(self) -> None:
        self.is_selected = self.is_verified = False

    power_on = power_off = pull = reset

    def process(self, command: bytes) -> bytes:
        ins, data = command[1], command[5 : 5 + command[4]] if len(command) > 5 else b""
        if ins == 0xA4 and data == bytes.fromhex("F067656E33"):
            self.is_selected = True
            return b"TOY-0001" + bytes.fromhex("9000")
        if not self.is_selected:
            return bytes.fromhex("6A82")
        if ins == 0xB0:
            offset = int.from_bytes(command[2:4], "big")
            found = self.certificate[offset : offset + (command[4] or 256)]
            return found + bytes.fromhex("9000") if found else bytes.fromhex("6B00")
        if ins == 0x20:
            self.is_verified = data == b"1234"
            self.tries = 3 if self.is_verified else self.tries - 1
            return bytes.fromhex("9000") if self.is_verified else bytes((0x63, 0xC0 + self.tries))
        if ins == 0x2A and self.is_verified:
            digest = data[-32:]  # of a DigestInfo
            signature = self.key.sign(digest, padding.PKCS1v15(), utils.Prehashed(SHA256()))
            return signature + bytes.fromhex("9000")
        return bytes.fromhex("6982")


@pytest.mark.parametrize(
    "atr", ["3B85800167656E333366", "3B8001"], ids=["known by its ATR", "asked which it is"]
)
async def test_a_card_of_the_new_generation_signs(atr: str) -> None:
    card = SmallCard(atr)
    provider = VirtualProvider()
    provider.insert("Ankong Virtual Reader 0", card)
    service = SigningService(provider, AlwaysAllow())
    await service.start()
    try:
        request = SignatureRequest((Document(data=b"it"),), format=SignatureFormat.PKCS1)
        signed = await service.sign(LOCAL_USER, request, SecretBytes.from_text("1234"))
        (view,) = service.snapshot().readers
        with pytest.raises(AgentError) as wrong:
            await service.sign(LOCAL_USER, request, SecretBytes.from_text("4321"))
    finally:
        await service.close()
    assert (wrong.value.code, wrong.value.attempts_left) == ("pin_incorrect", 2)
    card.key.public_key().verify(signed.signatures[0], b"it", padding.PKCS1v15(), SHA256())
    shown = json.loads(wire.encode(convert.reader(view)))["card"]
    assert shown == {"generation": "gen3", "serial": "TOY-0001"}
""",
    tests=(
        "tests/signing/test_drivers.py",
        "tests/web/test_openapi.py",
        "tests/web/test_messages.py",
        "tests/unit/test_architecture_start.py",
    ),
)

CHANGES: Final = (COMMAND, SETTING, ERROR_CODE, LANGUAGE, GENERATION)
