"""
Columns of a layer as plain arrays, whatever they are held as, and nothing where they are not there.
"""

import numpy as np
import pandas as pd


def numbers(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A column as floats: NaN where it is null or no number (A02 tells that), and all NaN where there is no such column."""
    if name not in frame:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def texts(frame: pd.DataFrame, name: str) -> np.ndarray:
    """A column as text without blanks around it: empty where it is null, and all empty where there is no such column."""
    if name not in frame:
        return np.full(len(frame), "", dtype=object)
    return frame[name].astype("str").str.strip().fillna("").to_numpy(dtype=object)
