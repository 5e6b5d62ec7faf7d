"""Building: a tree whose shape is right becomes a `fsflows.flow.model.Flow`.

To be read in this order: `prompts`, `collecting`, `actions`, `routes` (where a step can lead), `build` (all of it).
"""
