"""What is slow to start and can be shared: Google's emulators."""
from __future__ import annotations

import pytest

from tests.doubles.emulators import emulators as _emulators

emulators = pytest.fixture(scope="session")(_emulators)
