"""The changes that are tried: how CONTRIBUTING.md says that they are made, as edits."""

from collections.abc import Iterator, Mapping
from typing import Final

from tests.house.change import Change, Edit
from tests.house.new_generation import GENERATION


def _said(before: str, said: Mapping[str, tuple[str, str, str, str]]) -> Iterator[Edit]:
    """Add entries to each catalogue before one that is there; English is also the source."""
    for place, locale in enumerate(("en", "zh_TW", "vi", "id")):
        text = "".join(
            f'msgctxt "{key}"\nmsgid "{texts[0]}"\nmsgstr "{texts[place]}"\n\n'
            for key, texts in said.items()
        )
        yield Edit(f"agent/words/{locale}.po", text, before=f'msgctxt "{before}"')


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
        *_said("cli.quit.about", {"cli.greet.about": ("Say hello", "打招呼", "Chào", "Sapa")}),
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
        *_said(
            "policy.rules.last_try.title",
            {
                "policy.rules.max_documents.title": (
                    "Documents of one request",
                    "一次要求的文件數",
                    "Số tài liệu mỗi yêu cầu",
                    "Dokumen per permintaan",
                ),
                "policy.rules.max_documents.help": (
                    "How many documents one request may have signed.",
                    "一次要求最多可以簽署幾份文件。",
                    "Một yêu cầu được ký bao nhiêu tài liệu.",
                    "Berapa dokumen yang boleh ditandatangani satu permintaan.",
                ),
            },
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
            "agent/commands/daemon_run.py",
            "            max_documents=self._daemon.settings.max_documents,\n",
            before="            last_try=self._daemon.settings.last_try,\n",
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
    generate=("installer.devkit.admin",),
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
        "tests/unit/host/test_managed_policy.py",
        "tests/installer/test_admx.py",
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
        *_said(
            "errors.codes.internal.meaning",
            {
                "errors.codes.card_worn_out.meaning": (
                    "It is worn out.",
                    "卡片已經磨損。",
                    "Thẻ đã mòn.",
                    "Kartu sudah aus.",
                ),
                "errors.codes.card_worn_out.citizen": (
                    "Ask for a new one.",
                    "請申請新的卡片。",
                    "Hãy xin thẻ mới.",
                    "Mintalah kartu baru.",
                ),
            },
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
    generate=(
        "agent.web.native.openapi",
        "agent.web.native.error_catalogue",
        "agent.web.native.kit_words",
    ),
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

CHANGES: Final = (COMMAND, SETTING, ERROR_CODE, LANGUAGE, GENERATION)
