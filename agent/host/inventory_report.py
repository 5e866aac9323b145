"""What ``ankong inventory --json`` says of one computer; run as a module, its schema is written.

Names and meanings stay as they are; new fields may come. Nothing here names a person, a card or a
site. ``inventory.schema.json`` (JSON Schema 2020-12) is committed beside this file, and a test
compares the two.
"""

import inspect
import json
import re
from enum import StrEnum, unique
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

SCHEMA_FILE: Final = Path(__file__).with_name("inventory.schema.json")

_END: Final = r"(?!\n)$"  # as JSON Schema writes it: Python's $ alone lets a line feed pass
Sum = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}" + _END)]
Commit = Annotated[str, Meta(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})" + _END)]
PortNumber = Annotated[int, Meta(ge=1, le=65535)]
Moment = Annotated[str, Meta(pattern=r"^[0-9-]{10}T[0-9:]{8}Z" + _END)]


@unique
class InventoryProblem(StrEnum):
    """Why a part of the inventory is not as it should be; other parts do not suffer."""

    FAILED = "failed"  # it could not be found out; standard error says why
    POLICY_UNUSABLE = "policy_unusable"  # every site is refused
    POLICY_IGNORED = "policy_ignored"  # what lies in its place is no administrator's
    SETTINGS_UNUSABLE = "settings_unusable"
    AGENT_STARTING = "agent_starting"
    AGENT_UNKNOWN = "agent_unknown"  # it runs, and does not say with which ports
    AGENT_NO_PORT = "agent_no_port"
    AGENT_SILENT = "agent_silent"
    AGENT_OTHER_VERSION = "agent_other_version"
    POLICY_OLD = "policy_old"  # the agent runs under another policy than the one that is here now
    CERTIFICATES_UNREADABLE = "certificates_unreadable"
    CERTIFICATES_EXPIRED = "certificates_expired"
    PCSC_UNAVAILABLE = "pcsc_unavailable"


class BuildSums(Struct, frozen=True, kw_only=True):
    """SHA-256 sums of an installed program's files; null where Python runs the sources.

    Attributes:
        program: of the executable.
        sbom: of the software bill of materials.

    """

    program: Sum | None
    sbom: Sum | None


class ProductFacts(Struct, frozen=True, kw_only=True):
    """Which program this is: also what ``ankong --version --json`` prints.

    Attributes:
        schema: grows when a field changes its meaning or goes.
        product: always the same.
        version: of the program.
        commit: that it was built from; null where it was not built from a committed state.
        build: sums of its files.
        scope: for whom it is installed: one ``user``, all of the ``machine``; ``source`` where
            Python runs the sources.
        folder: of the program; ``~`` stands for the home folder of the user who asks, and ``*``
            for the name of another.
        system: ``linux``, ``windows`` or ``macos``.
        architecture: ``x86_64`` or ``arm64``.

    """

    schema: Literal[1]
    product: Literal["ankong"]
    version: str
    commit: Commit | None
    build: BuildSums
    scope: Literal["user", "machine", "source"]
    folder: str
    system: str
    architecture: str


class PolicyFacts(Struct, frozen=True, kw_only=True):
    """The administrator's policy.

    Attributes:
        source: the file, or where else it stands; null where there is none.
        sha256: of what it decides: the same for policies that decide the same; null likewise.
        problem: why it does not count.

    """

    source: str | None = None
    sha256: Sum | None = None
    problem: InventoryProblem | None = None


class TrustFacts(Struct, frozen=True, kw_only=True):
    """The local certificates with which the agent serves.

    Attributes:
        mode: whose they are: ``user`` for each user's own, ``machine`` where all users share
            them; null where there are none, as before this user's first start.
        ends: when the last of them expires.
        left: whether the MSI was told to leave to the organisation which browsers trust them
            (``TRUST=none``).
        problem: why they cannot be served with.

    """

    mode: str | None = None
    ends: Moment | None = None
    left: bool = False
    problem: InventoryProblem | None = None


class AgentFacts(Struct, frozen=True, kw_only=True):
    """The agent of the user who asks.

    Attributes:
        running: whether there is one.
        answers: whether its native API does.
        version: that it answers with.
        session: number of the session that it runs in, as the system counts them: on Windows that
            of the desktop, on Linux that of the sign-in; null where it has none.
        problem: what is wrong with it.

    """

    running: bool = False
    answers: bool = False
    version: str | None = None
    session: int | None = None
    problem: InventoryProblem | None = None


class PortFacts(Struct, frozen=True, kw_only=True):
    """A port that the agent has or wants.

    Attributes:
        port: its number.
        use: the native API (``https``), pages of the old component (``http``) and of its sibling
            (``mca``), or the JRSYS family.
        state: ``held`` by this user's agent, ``taken`` by another program, or ``free``.

    """

    port: PortNumber
    use: Literal["https", "http", "mca", "jrsys"]
    state: Literal["held", "taken", "free"]


class PortsFacts(Struct, frozen=True, kw_only=True):
    """All of these ports.

    Attributes:
        ports: each once.
        problem: why they could not be told.

    """

    ports: tuple[PortFacts, ...] = ()
    problem: InventoryProblem | None = None


class ReaderDriver(Struct, frozen=True, kw_only=True):
    """An installed driver of readers.

    Attributes:
        name: of the driver.
        version: as it says itself; null where it says none.

    """

    name: str
    version: str | None


class ReaderFacts(Struct, frozen=True, kw_only=True):
    """A reader that the PC/SC service lists; no card in it was looked at.

    Attributes:
        name: of the model, without serial numbers.
        driver: name of its driver; null where none names the reader.
        driver_version: of that driver.

    """

    name: str
    driver: str | None = None
    driver_version: str | None = None


class SmartCardFacts(Struct, frozen=True, kw_only=True):
    """The smart-card service.

    Attributes:
        service: whether it answers.
        readers: that it lists.
        drivers: that are installed, whether their readers are there or not.
        problem: why it does not answer.

    """

    service: bool = False
    readers: tuple[ReaderFacts, ...] = ()
    drivers: tuple[ReaderDriver, ...] = ()
    problem: InventoryProblem | None = None


class BrowserFinding(Struct, frozen=True, kw_only=True):
    """Something about a browser's policies, as the doctor finds it.

    Attributes:
        browser: its name; null for all of them.
        code: of the finding; ``browser_ok`` where nothing keeps pages from this computer.
        level: ``ok``, ``note`` or ``fault``.
        policy: name of the policy in question.

    """

    browser: str | None
    code: str
    level: Literal["ok", "note", "fault"]
    policy: str | None = None


class BrowsersFacts(Struct, frozen=True, kw_only=True):
    """What policies of browsers say about pages that reach this computer.

    Attributes:
        findings: of the doctor.
        problem: why there are none.

    """

    findings: tuple[BrowserFinding, ...] = ()
    problem: InventoryProblem | None = None


class UpdateFacts(Struct, frozen=True, kw_only=True):
    """What the last update notice said.

    Attributes:
        asking: ``on``, or why nobody is asked: ``no_address``, ``no_key``, ``forbidden``,
            ``declined``.
        age: of this version: ``unknown``, ``newest``, ``newer`` (there is a newer one) or
            ``too_old`` (it does not sign any more).
        newest: version; null where none is known.
        floor: version below which none signs; null likewise.
        answered: when the notice came; null for never.
        problem: why this is not known.

    """

    asking: str | None = None
    age: str | None = None
    newest: str | None = None
    floor: str | None = None
    answered: Moment | None = None
    problem: InventoryProblem | None = None


class Inventory(ProductFacts, frozen=True, kw_only=True):
    """Everything, as ``ankong inventory --json`` prints it."""

    policy: PolicyFacts
    trust: TrustFacts
    agent: AgentFacts
    ports: PortsFacts
    smart_cards: SmartCardFacts
    browsers: BrowsersFacts
    update: UpdateFacts


def inventory_schema() -> dict[str, Any]:
    """Return the JSON Schema of the inventory."""
    (reference,), components = msgspec.json.schema_components(
        (Inventory,), ref_template="#/$defs/{name}"
    )
    for schema in components.values():
        schema["description"] = _plain(str(schema.get("description", "")))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What ankong inventory --json prints",
        **reference,
        "$defs": components,
    }


def _plain(docstring: str) -> str:
    """Turn a docstring into Markdown: code in single back-ticks."""
    return re.sub(r"``|:class:", "`", inspect.cleandoc(docstring)).replace("``", "`")


def render_schema() -> str:
    """Return the text of the committed file."""
    return json.dumps(inventory_schema(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    # another way: a file of the checkout, which nobody reads meanwhile
    SCHEMA_FILE.write_text(render_schema(), "utf-8")
