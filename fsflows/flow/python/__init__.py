"""A flow's Python: `functions` loads the file, `compat` lets it import what its authors are used to importing.

What a file's text shows without being run is `fsflows.flow.code`.
"""
