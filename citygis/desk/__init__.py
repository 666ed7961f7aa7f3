"""
The desk: a page on this machine where departments ask their questions and engineers look at findings, changes, plans and jobs.

One process, the standard library's server, pages that need nothing from the network and work without script.
"""

from citygis.desk.door import Door, is_loopback
from citygis.desk.room import PROFILES, Room
from citygis.desk.server import Server

__all__ = ["PROFILES", "Door", "Room", "Server", "is_loopback"]
