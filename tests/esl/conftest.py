import pytest
from leftovers import nothing_stays


@pytest.fixture
def nothing_is_left():
    """No greenlet and no file descriptor stays behind."""
    with nothing_stays():
        yield
