"""
The process environment: what must not leak in from other software on the machine.

QGIS, ArcGIS and the PostGIS installers set ``PROJ_LIB`` or ``PROJ_DATA`` for the whole machine. The PROJ libraries inside the
rasterio and fiona wheels then read a database of another version and no longer know any EPSG code.
"""

import importlib.util
import logging
import os
import sys
from pathlib import Path

logger = logging.getLogger(__name__)

KEEP = "CITYGIS_KEEP_PROJ"
"""Set this variable to 1 to keep the machine's ``PROJ_LIB`` and ``PROJ_DATA`` as they are."""


def clean_proj_environment() -> dict[str, str]:
    """
    Take a foreign ``PROJ_LIB`` or ``PROJ_DATA`` out of this process's environment.

    A folder is foreign when it is neither inside this Python environment nor inside an installed pyproj, pyogrio, fiona or
    rasterio. Call before those are imported; nothing outside this process is changed.

    Returns
    -------
    dict of str to str
        The variables that were removed and what they said. Empty when there was nothing foreign, or when ``CITYGIS_KEEP_PROJ``
        is 1.
    """
    if os.environ.get(KEEP) == "1":
        return {}
    homes = _homes()
    removed = {}
    for name in ("PROJ_LIB", "PROJ_DATA"):
        value = os.environ.get(name)
        if value is None:
            continue
        folders = [Path(part).resolve() for part in value.split(os.pathsep) if part]
        if not folders or not all(any(folder.is_relative_to(home) for home in homes) for folder in folders):
            removed[name] = os.environ.pop(name)
            logger.info("%s=%s belongs to other software and was set aside; %s=1 keeps it.", name, value, KEEP)
    return removed


def _homes() -> list[Path]:
    homes = [Path(sys.prefix).resolve()]
    for package in ("pyproj", "pyogrio", "fiona", "rasterio"):
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            homes.append(Path(spec.origin).resolve().parent)
    return homes
