"""The fictional City of Riverbend, in any size: its true layers, and the deliveries of outside agencies derived from them."""

from citygis.samples.riverbend import SEED, Riverbend, riverbend

__all__ = ["SEED", "Riverbend", "riverbend"]
