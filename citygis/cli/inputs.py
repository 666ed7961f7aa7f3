"""What the commands that look at layers take in: files as they were sent, GeoPackages of City layers, exceptions."""

from pathlib import Path
from typing import TYPE_CHECKING

from citygis.cli.options import note

if TYPE_CHECKING:
    import pandas as pd

    from citygis.city import City
    from citygis.quality.exceptions import Acceptance
    from citygis.store import Store


def as_sent(path: Path, within: str | None, source_crs: str | None, *, quiet: bool) -> "pd.DataFrame":
    """
    Any vector file, as it was sent; what of it could not be read as sent is told.

    Parameters
    ----------
    path : Path
    within : str or None
        The layer to read, where there are several.
    source_crs : str or None
        What the coordinates are in, where the file does not say.
    quiet : bool
    """
    from citygis.readers import read

    frame = read(path, within, source_crs=source_crs)
    if "read_code" in frame:
        for code, message in frame.dropna(subset="read_code").groupby("read_code")["read_message"]:
            note(f"{code}: {len(message):,} rows were not read as sent, the first: {message.iloc[0]}", quiet=quiet)
    return frame


def layers_of_file(path: Path, city: "City", *, hint: str = "Look at the path.") -> "tuple[list[str], list[str]]":
    """
    The names of the layers of a GeoPackage that the City's schema knows, and those of the others.

    Parameters
    ----------
    path : Path
    city : City
    hint : str
        What to do where the file is not there.

    Raises
    ------
    ReadError
        If the file is not there, is no GeoPackage, or has no layer that the schema knows.
    """
    from citygis.errors import ReadError
    from citygis.gpkg import layers_of

    if not path.exists():
        raise ReadError(f"{path} is not there. {hint}")
    if path.suffix.lower() != ".gpkg":
        raise ReadError(f"{path} is not a GeoPackage of City layers. Say which layer it is: --as LAYER, or convert it first.")
    there = [each.name for each in layers_of(path)]
    known = [name for name in there if name in city.schema.layers]
    if not known:
        raise ReadError(
            f"{path} has no layer of the City's schema; it has: {', '.join(there) or 'none'}. Say which one it is: --as LAYER."
        )
    return known, [name for name in there if name not in known]


def store_or_file(source: Path | None, city: "City") -> "Path | Store":
    """
    `source`, or the City's geodatabase where no file is named.

    Raises
    ------
    StoreError
        If there is no geodatabase yet.
    """
    from citygis.cli.results import place_of
    from citygis.errors import StoreError
    from citygis.store import database_of, store

    if source is not None:
        return source
    if not database_of(city).exists():  # `store` would make one
        raise StoreError(
            f"{place_of(city)} is not there yet. Load something first: citygis load FILE, or name a file: --from FILE.gpkg."
        )
    return store(city)


def register_of(named: str | None, city: "City") -> "tuple[Acceptance, ...] | None":
    """
    The exceptions of ``--exceptions FILE``, else those of the City; None where the City has none.

    Raises
    ------
    SettingsError
        If the file that is named is not there.
    """
    from citygis.errors import SettingsError
    from citygis.quality.exceptions import read_exceptions

    path = Path(named) if named else city.exceptions_path
    if path is None or not (path.exists() or named):
        return None
    if not path.exists():
        raise SettingsError(f"{path} is not there. Look at the path of --exceptions.")
    return read_exceptions(path)
