"""citygis: the open toolkit that a City's GIS office runs on."""

__version__ = "0.1.0"
