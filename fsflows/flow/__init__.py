"""Flows: YAML and a Python file in, a typed and checked model out. `loader` is the way in, `model` what comes out."""
