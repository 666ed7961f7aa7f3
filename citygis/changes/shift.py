"""
A whole layer that lies elsewhere: found and named before anything else, because otherwise every feature has "moved".
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import shapely

LEAST_SHARE = 0.8
"""The share of the features common to both deliveries that must have moved together for the layer to have moved."""
LEAST_FEATURES = 8
"""With fewer common features nobody can tell a layer that moved from features that did."""
_ROUNDS = 4


class Shift(NamedTuple):
    """
    How a whole layer moved: about ``centre`` by ``easting_ft`` and ``northing_ft``, turned and scaled.

    ``share`` of the common features follow it, with ``rms_ft`` between where it puts their middles and where they lie.
    ``rotation_sec`` is counterclockwise, ``scale_ppm`` how much larger the new layer is; both 0 where a plain shift explains as
    much.
    """

    easting_ft: float
    northing_ft: float
    rotation_sec: float
    scale_ppm: float
    centre: tuple[float, float]
    share: float
    rms_ft: float

    @property
    def distance_ft(self) -> float:
        """How far the middle of the layer moved."""
        return float(np.hypot(self.easting_ft, self.northing_ft))

    def done(self, geometry: np.ndarray) -> np.ndarray:
        """Geometries of the old delivery, moved to where the new one would have them."""
        centre, step = complex(*self.centre), complex(self.easting_ft, self.northing_ft)
        return self._mapped(geometry, lambda at: (at - centre) * self._factor + centre + step)

    def undone(self, geometry: np.ndarray) -> np.ndarray:
        """Geometries of the new delivery, moved back to where the old one has them."""
        centre, step = complex(*self.centre), complex(self.easting_ft, self.northing_ft)
        return self._mapped(geometry, lambda at: (at - centre - step) / self._factor + centre)

    @property
    def _factor(self) -> complex:
        return (1 + self.scale_ppm * 1e-6) * np.exp(1j * np.radians(self.rotation_sec / 3600))

    @staticmethod
    def _mapped(geometry: np.ndarray, way: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        def mapped(points: np.ndarray) -> np.ndarray:
            at = way(points[:, 0] + 1j * points[:, 1])
            return np.column_stack([at.real, at.imag])

        return shapely.transform(geometry, mapped)

    def __str__(self) -> str:
        turned = f", turned by {self.rotation_sec:+.2f} seconds" if self.rotation_sec else ""
        scaled = f", scaled by {self.scale_ppm:+.2f} ppm" if self.scale_ppm else ""
        return (
            f"{self.share:.0%} of the common features moved together by {self.easting_ft:+.3f} ft east and "
            f"{self.northing_ft:+.3f} ft north{turned}{scaled} (left over: {self.rms_ft:.3f} ft)"
        )


def whole_layer_shift(old: np.ndarray, new: np.ndarray, *, tolerance_ft: float) -> Shift | None:
    """
    The one movement that most of a layer made, if there is one.

    Parameters
    ----------
    old, new : arrays of n geometries
        The same features in both deliveries, in feet.
    tolerance_ft : float
        Movements below this are noise.

    Returns
    -------
    Shift or None
        None where the layer lies where it lay, or where fewer than `LEAST_SHARE` of the features moved together.

    Notes
    -----
    The middles of the features' boxes are compared. The median step is not drawn aside by features that were split or redrawn; a
    similarity fitted by least squares to those near it tells rotation and scale, and is kept only where it explains more than the
    step does.
    """
    one, two = shapely.bounds(old), shapely.bounds(new)
    there = ~(np.isnan(one[:, 0]) | np.isnan(two[:, 0]))
    # A box of another size is a feature that was redrawn; turning and scaling a layer changes it by a small share.
    size = np.abs((one[there, 2:] - one[there, :2]) - (two[there, 2:] - two[there, :2])) - 1e-3 * (one[there, 2:] - one[there, :2])
    from_, to = (((box[:, :2] + box[:, 2:]) / 2) @ np.array([1, 1j]) for box in (one, two))
    from_, to = from_[there], to[there]
    if len(from_) < LEAST_FEATURES:
        return None
    step = to - from_
    median = complex(np.median(step.real), np.median(step.imag))
    spread = np.median(np.abs(step - median))
    if abs(median) <= tolerance_ft and spread <= tolerance_ft:
        return None
    centre = complex(from_.real.mean(), from_.imag.mean())
    factor, at, follows = _similarity(from_ - centre, to - centre, max(tolerance_ft, 4 * spread))
    left = np.abs(to - centre - (factor * (from_ - centre) + at))
    plain = np.abs(step - median)
    near = max(tolerance_ft, 2e-3)
    if (plain <= near).sum() >= (left <= near).sum() * 0.99:
        factor, at, left = 1 + 0j, median, plain
    follows = left <= near
    redrawn = size.max(axis=1) > near
    farthest = abs(at) + abs(factor - 1) * np.abs(from_ - centre).max()
    if follows[~redrawn].sum() < LEAST_SHARE * max((~redrawn).sum(), LEAST_FEATURES) or farthest <= tolerance_ft:
        return None
    return Shift(
        float(at.real),
        float(at.imag),
        float(np.degrees(np.angle(factor)) * 3600),
        float((abs(factor) - 1) * 1e6),
        (centre.real, centre.imag),
        float(follows.mean()),
        float(np.sqrt(np.mean(left[follows] ** 2))),
    )


def _similarity(from_: np.ndarray, to: np.ndarray, reach_ft: float) -> tuple[complex, complex, np.ndarray]:
    """``to = factor * from_ + at`` by least squares, over the points that come within reach of it."""
    follows = np.abs(to - from_ - np.median((to - from_).real) - 1j * np.median((to - from_).imag)) <= reach_ft
    factor, at = 1 + 0j, complex(np.median((to - from_).real), np.median((to - from_).imag))
    for _ in range(_ROUNDS):
        if follows.sum() < 3:
            break
        a, b = from_[follows], to[follows]
        spread = np.vdot(a - a.mean(), a - a.mean()).real
        factor = np.vdot(a - a.mean(), b - b.mean()) / spread if spread > 0 else 1 + 0j
        at = b.mean() - factor * a.mean()
        left = np.abs(to - (factor * from_ + at))
        follows = left <= max(3 * np.median(left), 1e-3)
    return factor, at, follows
