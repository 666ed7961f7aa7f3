"""
A portal and a feature service to rehearse with before an organisation on ArcGIS Online is touched.

`rehearsing` starts the server in a process of its own and gives its address and its controls; ``citygis rehearse`` serves until
it is interrupted. What the server answers, and whose rule that is, stands in one table: `citygis.rehearsal.rules`.
"""

from citygis.rehearsal.process import Rehearsal, rehearsing

__all__ = ["Rehearsal", "rehearsing"]
