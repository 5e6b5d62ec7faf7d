"""The journal: what is known of every recording and discard, in the database, so that it outlives every process.

To be read in this order: `receipt` and `entries` (its values), `tables` and `rows` (how they are stored); within a
transaction `attempts`, `writing`, `writing_discards`, `known_archive` and `pruning`; `hearsay`; `journal` (all that a
process does with it), `listing` (what is only looked up).
"""
