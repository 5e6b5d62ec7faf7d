"""Generated examples are the same in every run; `FSFLOWS_FUZZ=1 pytest ...` makes new ones.

A run that fails for one of a thousand seeds tells nobody what has changed. Who looks for new faults asks for new examples,
and writes a test for what he finds.
"""

import logging
import os

import pytest
from hypothesis import settings

from fsflows.log import thresholds
from fsflows.log.lines import bound_call
from fsflows.log.stream import output

settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile("new", deadline=None)
settings.load_profile("new" if os.environ.get("FSFLOWS_FUZZ") else "same")


@pytest.fixture(autouse=True)
def log_as_before():
    """A command sets up the log of its process: the tests after it must not find it so."""
    before = output.stream, output.format
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with thresholds.as_before():
        yield
    output.stream, output.format = before
    root.handlers, root.level = handlers, level
    bound_call.set(None)
