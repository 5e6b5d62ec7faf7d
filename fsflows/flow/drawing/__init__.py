"""Drawing: a flow as a `graph`, put into `layers`, as `svg`."""
