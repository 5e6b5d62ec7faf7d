"""FreeSWITCH: what it is told and asked about the recordings of one call, over whichever connection reaches it.

To be read in this order: `control` (one call, over one connection), `reach` (the FreeSWITCHes of a node).
"""
