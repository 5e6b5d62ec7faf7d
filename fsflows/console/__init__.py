"""The web console: live calls, records, flows, health; `/metrics` and `/healthz` for machines."""
