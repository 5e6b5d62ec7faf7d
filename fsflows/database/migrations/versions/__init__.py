"""One module a revision, named NNNN_what.py; each names the one before it in `down_revision`."""
