"""A real PC/SC daemon with virtual readers keeps the contract of all providers."""

import pytest

from tests.pcsc.contract import ProviderContract

pytestmark = pytest.mark.pcsc


class TestPcscProvider(ProviderContract):
    """pyscard, libpcsclite, pcscd and vpcd, as they are."""
