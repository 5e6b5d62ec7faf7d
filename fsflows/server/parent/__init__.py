"""The parent: keeps the listening sockets, starts workers, hears signals, and does what the fleet decides.

To be read in this order: `children` (processes, and the line to each), `sockets` and `lending` (the sockets, and who
has them), `notify` (systemd is told), `succession` (a new version takes over), `parent` (all of it).
"""
