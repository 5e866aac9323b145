"""Gather the inventory of this computer: no card is opened, and no server is asked.

Each part is gathered by itself. One that fails says so in its ``problem``, and the others stand.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec
import structlog

from agent import __version__
from agent.doctor.browsers import check_browsers
from agent.doctor.installed_agent import InstalledAgent
from agent.doctor.network import is_taken
from agent.doctor.running import RunningAgent, find_running
from agent.errors import ServiceUnavailableError
from agent.host.instance.record import read_record
from agent.host.inventory_report import (
    AgentFacts,
    BrowserFinding,
    BrowsersFacts,
    Inventory,
    InventoryProblem,
    PolicyFacts,
    PortFacts,
    PortsFacts,
    ProductFacts,
    ReaderDriver,
    ReaderFacts,
    SmartCardFacts,
    TrustFacts,
    UpdateFacts,
)
from agent.host.machine.desktop_session import session_of
from agent.host.machine.reader_drivers import InstalledDriver, driver_of, installed_drivers
from agent.host.product import nameless, product_facts
from agent.host.settings.config import MCA_PORT, ConfigError, Settings
from agent.host.tls import identity
from agent.host.update import status
from agent.transport.base import CardProvider
from agent.transport.pcsc import PcscProvider
from agent.transport.reader_names import model_name

Part = TypeVar("Part", bound=msgspec.Struct)
Use = Literal["https", "http", "mca", "jrsys"]
_NO_FACTS: Final = (None, None)
_log = structlog.get_logger(__name__)


def gather(
    installation: InstalledAgent,
    open_provider: Callable[[], CardProvider] = PcscProvider,
    drivers: Callable[[], tuple[InstalledDriver, ...]] = installed_drivers,
) -> Inventory:
    """Return the inventory; blocks for as long as ports and the smart-card service take.

    Args:
        installation: the agent of the user who asks.
        open_provider: opens the readers.
        drivers: finds those that are installed.

    """

    def part(kind: type[Part], make: Callable[[InstalledAgent], Part]) -> Part:
        try:
            return make(installation)
        except (ConfigError, OSError) as error:
            is_settings = isinstance(error, ConfigError)
            _log.warning("a part of the inventory is not known", kind=kind.__name__, exc_info=error)
            problem = InventoryProblem.SETTINGS_UNUSABLE if is_settings else InventoryProblem.FAILED
            return kind(problem=problem)
        except Exception:  # noqa: BLE001  # the other parts are wanted all the same
            _log.exception("a part of the inventory is not known", kind=kind.__name__)
            return kind(problem=InventoryProblem.FAILED)

    product = msgspec.convert(product_facts(), ProductFacts)
    return Inventory(
        **msgspec.structs.asdict(product),
        policy=part(PolicyFacts, policy_facts),
        trust=part(TrustFacts, trust_facts),
        agent=part(AgentFacts, agent_facts),
        ports=part(PortsFacts, ports_facts),
        smart_cards=part(SmartCardFacts, lambda _: smart_card_facts(open_provider, drivers)),
        browsers=part(BrowsersFacts, browsers_facts),
        update=part(UpdateFacts, update_facts),
    )


def policy_facts(installation: InstalledAgent) -> PolicyFacts:
    """Tell of the policy; why it cannot be used may name people, and is ``policy show``'s."""
    policy = installation.policy
    problem = None
    if policy.problem is not None:
        problem = InventoryProblem.POLICY_UNUSABLE
    elif policy.planted is not None:
        problem = InventoryProblem.POLICY_IGNORED
    if policy.source is None:
        return PolicyFacts(problem=problem)
    source = nameless(Path(policy.source))
    return PolicyFacts(source=source, sha256=policy.fingerprint, problem=problem)


def trust_facts(installation: InstalledAgent) -> TrustFacts:
    """Tell which certificates the agent serves with, and until when."""
    choice, left = installation.tls, installation.trust_left
    try:
        found = identity.read(choice.folder)
    except OSError:
        return TrustFacts(left=left, problem=InventoryProblem.CERTIFICATES_UNREADABLE)
    if found is None:
        return TrustFacts(left=left)
    is_over = installation.now >= found.ends
    problem = InventoryProblem.CERTIFICATES_EXPIRED if is_over else None
    mode = "machine" if choice.shared.is_usable else "user"
    return TrustFacts(mode=mode, ends=_moment(found.ends), left=left, problem=problem)


def agent_facts(installation: InstalledAgent) -> AgentFacts:
    """Tell whether this user's agent runs, where, and whether it answers."""
    running = find_running(installation.paths)
    if running is None:
        return AgentFacts()
    record = read_record(installation.paths.instance)
    session = None if record is None else session_of(record.pid)
    if running.port is None:
        return AgentFacts(running=True, session=session, problem=_without_port(running))
    answer = installation.ask.native(running.port, installation.authority)
    problem = None
    if answer.problem is not None:
        problem = InventoryProblem.AGENT_SILENT
    elif answer.version != __version__:
        problem = InventoryProblem.AGENT_OTHER_VERSION
    elif running.policy not in {None, installation.policy.fingerprint}:
        problem = InventoryProblem.POLICY_OLD
    return AgentFacts(
        running=True,
        answers=answer.problem is None,
        version=answer.version,
        session=session,
        problem=problem,
    )


def _without_port(running: RunningAgent) -> InventoryProblem:
    if not running.is_recorded:
        return InventoryProblem.AGENT_UNKNOWN
    return InventoryProblem.AGENT_NO_PORT if running.missing else InventoryProblem.AGENT_STARTING


def ports_facts(installation: InstalledAgent) -> PortsFacts:
    """Tell which ports the agent has, and of those that it wants whether others have them."""
    running = find_running(installation.paths)
    settings = installation.settings()
    held = dict(() if running is None else _held(running))
    wanted = {port: use for port, use in _wanted(settings) if port not in held}
    rows = [PortFacts(port=port, use=use, state="held") for port, use in held.items()]
    rows += [
        PortFacts(port=port, use=use, state="taken" if is_taken(port) else "free")
        for port, use in wanted.items()
        if port != 0
    ]
    return PortsFacts(ports=tuple(sorted(rows, key=lambda row: row.port)))


def _held(running: RunningAgent) -> Iterator[tuple[int, Use]]:
    kinds: tuple[tuple[Use, Iterable[int | None]], ...] = (
        ("jrsys", running.jrsys_ports),
        ("mca", (running.mca_port,)),
        ("http", (running.plain_port,)),
        ("https", (running.port, *running.also)),
    )
    for use, ports in kinds:
        yield from ((port, use) for port in ports if port is not None)


def _wanted(settings: Settings) -> Iterator[tuple[int, Use]]:
    yield from ((port, "jrsys") for ports in settings.open_jrsys_ports for port in ports)
    if settings.mca:
        yield MCA_PORT, "mca"
    yield settings.hipki_port, "http"
    yield from ((port, "https") for port in settings.native_ports)


def smart_card_facts(
    open_provider: Callable[[], CardProvider],
    drivers: Callable[[], tuple[InstalledDriver, ...]],
) -> SmartCardFacts:
    """Tell which readers the service lists and which drivers there are; no reader is opened."""
    installed = drivers()
    told = tuple(ReaderDriver(name=each.name, version=each.version) for each in installed)
    try:
        with closing(open_provider()) as provider:
            names = [reader.name for reader in provider.readers()]
    except ServiceUnavailableError:
        return SmartCardFacts(drivers=told, problem=InventoryProblem.PCSC_UNAVAILABLE)
    readers = tuple(_reader(name, driver_of(name, installed)) for name in names)
    return SmartCardFacts(service=True, readers=readers, drivers=told)


def _reader(name: str, driver: InstalledDriver | None) -> ReaderFacts:
    driver_name, version = _NO_FACTS if driver is None else (driver.name, driver.version)
    return ReaderFacts(name=model_name(name), driver=driver_name, driver_version=version)


def browsers_facts(installation: InstalledAgent) -> BrowsersFacts:
    """Tell what the doctor finds in browsers' policies."""
    return BrowsersFacts(
        findings=tuple(
            BrowserFinding(
                browser=finding.facts.get("browser"),
                code=finding.code,
                level=finding.level.value,
                policy=finding.facts.get("policy"),
            )
            for finding in check_browsers(installation)
        )
    )


def update_facts(installation: InstalledAgent) -> UpdateFacts:
    """Tell what the last notice of newer versions said."""
    found = status.read(installation.paths, installation.settings())
    return UpdateFacts(
        asking=str(found.asking),
        age=str(found.age),
        newest=found.newest or None,
        floor=found.floor or None,
        answered=None if found.answered is None else _moment(found.answered),
    )


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
