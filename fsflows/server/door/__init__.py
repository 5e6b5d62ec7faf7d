"""The door: FreeSWITCH's connections are taken while there is room, and nobody is left in silence when there is none.

To be read in this order: `reserve` (descriptors for whoever is let go), `door` (the socket, open or closed), `rate`
(how many may begin), `listener` (a connection becomes a call, or is refused).
"""
