"""The web console: live calls, records, flows, health; `/metrics`, `/live` and `/ready` for machines."""
