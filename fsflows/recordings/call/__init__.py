"""The recordings of a call that this process has: what a conversation sees of all this.

To be read in this order: `naming`, `summary`, `book` (what is known of them), `masking`, `live_discard`, `ending`,
`recordings` (all of it).
"""
