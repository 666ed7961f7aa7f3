"""
Stretches of lines, by the feet along them.
"""

import numpy as np
import shapely


def stretches(lines: np.ndarray, low_ft: np.ndarray, high_ft: np.ndarray) -> np.ndarray:
    """
    Stretches of lines.

    Parameters
    ----------
    lines : (n,) array of LineString
    low_ft, high_ft : (n,) arrays of float
        From where to where along each, feet; low below high.

    Returns
    -------
    (n,) array of LineString
        With every vertex between.
    """
    if not len(lines):
        return np.array([], dtype=object)
    hair = 1e-6  # a vertex this near an end of the stretch is that end
    points, at = shapely.get_coordinates(lines, return_index=True)
    step = np.hypot(*np.diff(points, axis=0).T)
    step[at[1:] != at[:-1]] = 0.0
    walked = np.r_[0.0, np.cumsum(step)]
    first = np.searchsorted(at, np.arange(len(lines)))
    last = np.searchsorted(at, np.arange(len(lines)), side="right") - 1
    begin = np.clip(np.searchsorted(walked, walked[first] + low_ft + hair, side="right"), first + 1, last)
    finish = np.clip(np.searchsorted(walked, walked[first] + high_ft - hair, side="left"), begin, last)
    between = finish - begin
    offset = np.r_[0, np.cumsum(between + 2)]
    out = np.empty((offset[-1], 2))
    out[offset[:-1]] = shapely.get_coordinates(shapely.line_interpolate_point(lines, low_ft))
    out[offset[1:] - 1] = shapely.get_coordinates(shapely.line_interpolate_point(lines, high_ft))
    run = np.arange(between.sum()) - np.repeat(np.r_[0, np.cumsum(between)[:-1]], between)
    out[np.repeat(offset[:-1] + 1, between) + run] = points[np.repeat(begin, between) + run]
    return shapely.linestrings(out, indices=np.repeat(np.arange(len(lines)), between + 2))
