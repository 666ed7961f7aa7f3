"""Files of datum shifts and geoid heights: where they are, how they are named to PROJ."""

import os
from collections.abc import Iterable
from pathlib import Path

import pyproj

from citygis.errors import CRSError


def find_grid(name: str, folder: Path | None = None) -> Path | None:
    """
    A grid file by name.

    Parameters
    ----------
    name : str
        As the PROJ-data package calls it, ``us_noaa_conus.tif``.
    folder : Path, optional
        Looked in first: the City's ``grids/``.

    Returns
    -------
    Path or None
        In `folder`, else in the folders that PROJ reads; None where it is in neither. Nothing is fetched from the network.
    """
    shared = [Path(each) for each in (*pyproj.datadir.get_data_dir().split(os.pathsep), pyproj.datadir.get_user_data_dir())]
    for each in ([folder] if folder else []) + shared:
        if (each / name).is_file():
            return (each / name).resolve()
    return None


def grids_parameter(files: Iterable[Path]) -> str:
    """
    Grid files as the value of PROJ's ``grids=``, in order of preference.

    Raises
    ------
    CRSError
        If a path holds a comma or a quotation mark, which PROJ takes for the end of it.
    """
    files = list(files)
    for path in files:
        if set(str(path)) & {",", '"'}:
            raise CRSError(
                f"PROJ cannot read the grid {path}: its path has a comma or a quotation mark. Move it to another folder."
            )
    return '"' + ",".join(str(path) for path in files) + '"'
