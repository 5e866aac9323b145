"""What sends notices and codes, as the operator's settings say."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

import aiohttp

from agent.portal.config import PortalConfig
from agent.portal.contact import LoginKind
from agent.portal.notices.codes import MailboxNotifier, SenderNotifier
from agent.portal.notices.delivery import Delivery, DeliveryOptions
from agent.portal.notices.mail import MailSender
from agent.portal.notices.sending import Parcel, Sender
from agent.portal.notices.texting import TextSender
from agent.portal.notifier import Notifier, ProgramNotifier
from agent.portal.operations.metrics import PortalMetrics
from agent.portal.store.database import PortalDatabase

_SETTING: Final = {LoginKind.EMAIL: "smtp", LoginKind.MOBILE: "sms"}
_LOG: Final = logging.getLogger(__name__)


class DemoSender:
    """For the demo: nothing leaves the computer; the mailbox shows what was told."""

    async def send(self, parcel: Parcel) -> None:
        """Do nothing, on purpose."""


async def load_senders(
    config: PortalConfig, http: aiohttp.ClientSession
) -> Mapping[LoginKind, Sender]:
    """Return what sends to each kind of contact, as far as it is set up.

    Raises:
        OSError: a file of certificates cannot be read.

    """
    if config.demo:
        return dict.fromkeys(_SETTING, DemoSender())
    senders: dict[LoginKind, Sender] = {}
    if config.smtp is not None:
        senders[LoginKind.EMAIL] = await asyncio.to_thread(MailSender, config.smtp)
    if config.sms is not None:
        senders[LoginKind.MOBILE] = await asyncio.to_thread(TextSender, http, config.sms)
    for kind in _SETTING.keys() - senders.keys():
        _LOG.warning("without %s, notices by %s are given up after a day", _SETTING[kind], kind)
    return senders


def choose_notifier(
    config: PortalConfig,
    db: PortalDatabase,
    senders: Mapping[LoginKind, Sender],
    clock: Callable[[], float] = time.time,
) -> Notifier:
    """Return what sends one-time codes: the operator's program where there is one."""
    if config.demo:
        return MailboxNotifier(db)
    if config.notify:
        return ProgramNotifier(config.notify)
    return SenderNotifier(senders, config.helpline, clock)


def delivery_of(
    config: PortalConfig,
    db: PortalDatabase,
    senders: Mapping[LoginKind, Sender],
    metrics: PortalMetrics,
) -> Delivery:
    """Return what delivers notices; it does not yet."""
    options = DeliveryOptions(
        senders, config.helpline, keeps_content=config.demo, count=metrics.count_notices
    )
    return Delivery(db, options)
