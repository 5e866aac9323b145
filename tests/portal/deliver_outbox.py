"""A process of its own that delivers an outbox until nothing is due.

``python -m tests.portal.deliver_outbox SMTP-PORT NOW DATABASE [KEY-FILE]`` begins at a line on its
input; its clock stands still at ``NOW``.
"""

import asyncio
import sys
from pathlib import Path

from agent.portal.contact import LoginKind
from agent.portal.notices.delivery import Delivery, DeliveryOptions
from agent.portal.notices.mail import MailSender
from agent.portal.notices.settings import SmtpSettings
from agent.portal.store.database import PortalDatabase


async def deliver(port: int, now: float, address: str, key_file: Path | None) -> None:
    db = PortalDatabase(address, lambda: now, key_file)
    await db.open()
    settings = SmtpSettings(host="127.0.0.1", port=port, tls="none", sender="a@city.example")
    options = DeliveryOptions({LoginKind.EMAIL: MailSender(settings)}, "1999")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    while await Delivery(db, options).deliver_due():
        pass
    await db.close()


if __name__ == "__main__":
    _, smtp_port, clock, database, *key = sys.argv
    asyncio.run(deliver(int(smtp_port), float(clock), database, Path(key[0]) if key else None))
