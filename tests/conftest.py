"""Generated examples are the same in every run; `FSFLOWS_FUZZ=1 pytest ...` makes new ones.

A run that fails for one of a thousand seeds tells nobody what has changed. Who looks for new faults asks for new examples,
and writes a test for what he finds.
"""

import os

from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile("new", deadline=None)
settings.load_profile("new" if os.environ.get("FSFLOWS_FUZZ") else "same")
