"""What is trained here takes two of the simulated devices."""

import pytest


@pytest.fixture(autouse=True, scope="module")
def _two_devices(two_devices):
    pass
