"""The schema: which words a flow may hold, and what is said to who writes others.

`schema.json` is for editors and for `shape`, which looks at a tree by it. `synonyms` knows what other products call
things, `advice` what may have been meant, and `explain` puts it into words.
"""
