"""Publishing: a recording goes into the archive, and into none but the one that is known.

To be read in this order: `identity` (which archive that is), `publisher`.
"""
