"""Flows: YAML and a Python file in, a typed and checked model out. `loader` is the way in, `model` what comes out.

Its rooms, in the order of their imports, which is a good one to read them in:

1. `errors`: a problem and its place; `code`: what a functions file shows without being run; `model`.
2. `reading`: YAML files become trees.
3. `schema`: which words they may hold; `python`: their functions.
4. `building`: a tree becomes a flow.
5. `checking`: what is wrong with it all the same; `drawing`: its picture.
"""
