"""
Tables of the City's business systems, read as text so that no parcel number loses its zeros.
"""

from pathlib import Path

import pandas as pd

from citygis.readers import read


def read_table(path: Path | str) -> pd.DataFrame:
    """
    A table as it is written: every value text, empty ones null.

    Parameters
    ----------
    path : path
        A CSV file.

    Returns
    -------
    DataFrame of str
    """
    return pd.DataFrame(read(path))
