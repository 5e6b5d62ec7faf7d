"""The office: what is done once a server, beside the calls, whichever process does it.

To be read in this order: `outbound` (calls that we make), `settling` (records after their calls), `verifying` (whether
they say what the journal says), `live_link` (running calls, seen from another process), `health` (how the server is),
`beside` (all that runs).
"""
