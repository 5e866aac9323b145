"""A process that signs with a token and nothing else, for its memory to be looked through.

The PIN comes on standard input, straight into a buffer; what is said is the module's process.
"""

import asyncio
import sys

from agent.cards.pkcs11.module_client import ModuleFile, TokenModule
from agent.cards.pkcs11.token_source import TokenSource
from agent.cms.document import Document
from agent.consent.consent import AlwaysAllow
from agent.origin import LOCAL_USER
from agent.secret import SecretBytes
from agent.signing.model import SignatureRequest
from agent.signing.service import SigningService
from agent.virtualcard.provider import VirtualProvider

PIN_LENGTH = 12


async def sign(module: TokenModule, pin: SecretBytes) -> None:
    service = SigningService(
        VirtualProvider(readers=0), AlwaysAllow(), tokens=TokenSource([module])
    )
    await service.start()
    await service.sign(LOCAL_USER, SignatureRequest((Document(data=b"hello"),)), pin)
    sys.stdout.write(f"{module.process_id}\n")
    sys.stdout.flush()
    sys.stdin.buffer.raw.read(1)  # type: ignore[attr-defined]
    await service.close()


def main() -> None:
    buffer = bytearray(PIN_LENGTH)
    view = memoryview(buffer)
    while view:
        view = view[sys.stdin.buffer.raw.readinto(view) :]  # type: ignore[attr-defined]
    module = TokenModule(ModuleFile("Stub", sys.argv[1]))
    asyncio.run(sign(module, SecretBytes(buffer)))


if __name__ == "__main__":
    main()
