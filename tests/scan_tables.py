"""A scan of a paper map of Riverbend with known truth: 3000 by 2000 pixels of half a foot, on paper that has shrunk unevenly."""

import math

import numpy as np
import pandas as pd

CRS = "EPSG:2227"
COLUMNS, ROWS = 3000, 2000
FOOT_PER_PX = 0.5
ORIGIN = np.array([6_336_000.0, 2_122_000.0])
TURN_DEG = 2.0
# Twelve marks where they happen to stand, from the corner of the first pixel.
PIXELS = np.array(
    [(2570, 590), (1800, 1530), (2130, 1790), (2550, 1790), (130, 880), (1460, 170),
     (70, 1630), (2900, 1540), (970, 1390), (920, 1460), (860, 1540), (2910, 1920)], dtype=float
)  # fmt: skip


def truth(pixels, *, distortion_ft=0.0):
    """Ground of (column, row) from the corner: turned clockwise, uneven by 0.2 %, waves of the paper of `distortion_ft`."""
    column, row = np.asarray(pixels, dtype=float).T
    angle = math.radians(TURN_DEG)
    right, up = column * FOOT_PER_PX * 1.002, -row * FOOT_PER_PX
    easting = ORIGIN[0] + right * math.cos(angle) + up * math.sin(angle)
    northing = ORIGIN[1] - right * math.sin(angle) + up * math.cos(angle)
    easting = easting + distortion_ft * np.sin(math.pi * column / COLUMNS) * np.cos(math.pi * row / ROWS)
    northing = northing + distortion_ft * np.cos(math.pi * column / COLUMNS) * np.sin(math.pi * row / ROWS)
    return np.column_stack([easting, northing])


def control(pixels=PIXELS, *, noise_px=0.0, distortion_ft=0.0, seed=7, **more):
    """A table of control points read from the corner, its readings off by normal errors."""
    read = np.asarray(pixels) + np.random.default_rng(seed).normal(0, 1, np.shape(pixels)) * noise_px
    ground = truth(pixels, distortion_ft=distortion_ft)
    return pd.DataFrame(
        {
            "name": [f"G{k + 1}" for k in range(len(read))],
            "column": read[:, 0],
            "row": read[:, 1],
            "easting": ground[:, 0],
            "northing": ground[:, 1],
            "source_document": "Tract 9001",
            "used": True,
            **more,
        }
    )


def paper_map(seed=1, pixels=PIXELS):
    """Paper waves of 0.8 ft, readings off by half a pixel: what a good scan of an old map is like."""
    return control(pixels, noise_px=0.5, distortion_ft=0.8, seed=seed)
