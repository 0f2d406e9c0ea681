"""What is trained here takes two of the simulated devices; flags without a command."""

import pytest
from absl import flags


@pytest.fixture(autouse=True, scope="module")
def _two_devices(two_devices):
    pass


@pytest.fixture(scope="module")
def parsed_flags():
    """Flags have their defaults, as where a command was given none."""
    flags.FLAGS.mark_as_parsed()
