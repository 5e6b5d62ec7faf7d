"""`python -m fsflows`."""

import sys

from fsflows.cli.main import main

sys.exit(main())
