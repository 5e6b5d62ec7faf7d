"""Reading: a YAML file becomes a tree in which every value knows where it stands.

To be read in this order: `yaml_text` (a text before YAML sees it), `yaml_tree`, `files` (which files a server has).
"""
