"""One call: verbs on its channel, and one `wait` through which everything that happens to it is seen."""
