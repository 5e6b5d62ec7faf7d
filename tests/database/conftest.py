import pytest

from . import postgres


@pytest.fixture(scope="module")
def cluster():
    with postgres.running() as running:
        yield running
