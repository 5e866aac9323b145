"""What people ask the member service for, and how long its answers take.

Every function raises RuntimeError for an answer that a person would not be content with.
"""

from typing import Any

import aiohttp
from PIL import Image

from agent.virtualcard.identity import generate_id_number
from tests.portal.balanced import ORIGIN, BalancedVisitor
from tests.portal.picture_files import saved
from tests.portal.support import Person, signed

_SIZE = (1600, 1010)  # pixels: a card that fills the picture


async def log_in(visitor: BalancedVisitor, address: str) -> float:
    """Log in, or register, by a one-time code; return how long the two requests took."""
    status, sent = await visitor.post("/api/otp", {"contact": address})
    if status != 200:
        raise RuntimeError(str(sent))
    asked = visitor.spent
    body = {"contact": address, "code": sent["demo_code"]}
    status, done = await visitor.post("/api/otp/confirm", body)
    if status != 200:
        raise RuntimeError(str(done))
    return asked + visitor.spent


async def upgrade(visitor: BalancedVisitor, person: Person) -> float:
    """Become gold with a card; return how long the service took, without the card."""
    asked = {"id_number": person.id_number}
    status, challenge = await visitor.post("/api/upgrade/card/challenge", asked)
    if status != 200:
        raise RuntimeError(str(challenge))
    spent = visitor.spent
    code = await visitor.code("/api/upgrade/card", signed(challenge, person, ORIGIN))
    if code != "ok":
        raise RuntimeError(code)
    return spent + visitor.spent


async def begin_application(visitor: BalancedVisitor) -> float:
    """Begin an application online, as a member who is logged in."""
    return await _submit(visitor, "begin", {"begin": "yes"})


async def send_picture(visitor: BalancedVisitor, side: str, photo: bytes) -> float:
    """Add a picture to the application."""
    upload = aiohttp.FormData()
    upload.add_field("picture", photo, filename="photo.jpg", content_type="image/jpeg")
    return await _submit(visitor, f"pictures/{side}", upload)


async def send_application(visitor: BalancedVisitor, number: int, photo: bytes) -> float:
    """Apply online, as a member who is logged in; return how long the five requests took.

    Args:
        visitor: the member.
        number: of the invented ID number.
        photo: a file, sent for the front and for the back.

    """
    form = {
        "id_number": generate_id_number(number),
        "name": "王測試",
        "born": "1990-01-31",
        "document": "id_card",
    }
    spent = await begin_application(visitor)
    spent += await _submit(visitor, "form", form)
    spent += await send_picture(visitor, "front", photo)
    spent += await send_picture(visitor, "back", photo)
    return spent + await _submit(visitor, "check", {"consent": "yes"})


async def look_at_queue(visitor: BalancedVisitor) -> float:
    """Open the queue of applications, as a reviewer who is logged in."""
    status, text = await visitor.page("/staff/desk")
    if status != 200 or text.count("<tr") < 2:
        raise RuntimeError(f"the queue: {status}")
    return visitor.spent


def small_photo() -> bytes:
    """Return a photo (JPEG) that takes little to make anew: the database is measured with it."""
    return saved(Image.new("RGB", _SIZE, "white"), "JPEG")


async def _submit(visitor: BalancedVisitor, step: str, data: Any) -> float:
    answer = await visitor.send(f"/ways/online/{step}", data)
    if answer.status != 303:
        raise RuntimeError(f"{step}: {answer.status}")
    return visitor.spent
