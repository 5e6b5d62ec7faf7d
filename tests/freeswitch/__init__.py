"""The example calls over real SIP, against a real FreeSWITCH and against the simulated one. See README.md."""
