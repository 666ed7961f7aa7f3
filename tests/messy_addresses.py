"""Addresses as people mistype them, with the truth beside each: typos, abbreviations, swapped words, units, types left out."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

_TYPES = {
    "Street": ["St", "St.", "STREET", "Str"],
    "Avenue": ["Ave", "Ave.", "AV", "AVENUE"],
    "Drive": ["Dr", "Drv", "DRIVE"],
    "Court": ["Ct", "Ct.", "COURT"],
    "Lane": ["Ln", "LANE"],
    "Way": ["Way", "WAY", "Wy"],
}
_FIRST = [
    "Bram",
    "Cald",
    "Dun",
    "El",
    "Farn",
    "Gar",
    "Hol",
    "Ing",
    "Jas",
    "Kel",
    "Lom",
    "Mar",
    "Nor",
    "Os",
    "Pem",
    "Quin",
    "Ros",
    "Sel",
    "Tam",
    "Ul",
    "Ver",
    "Wes",
    "Yar",
    "Zin",
]
_LAST = [
    "bury",
    "combe",
    "dale",
    "field",
    "ford",
    "gate",
    "ham",
    "leigh",
    "mere",
    "ridge",
    "shaw",
    "stead",
    "thorpe",
    "ton",
    "vale",
    "wick",
    "wood",
    "worth",
]


def city(n_streets: int, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """An address layer of a made-up city: 60 numbers on each street, odd and even; one street in five shares its name."""
    names = sorted({a + b for a in _FIRST for b in _LAST})
    names = list(rng.permutation(names))[:n_streets]
    kinds = list(rng.choice(list(_TYPES), n_streets))
    for k in range(0, n_streets // 10 * 2, 2):
        names[k + 1] = names[k]
        kinds[k], kinds[k + 1] = "Street", "Court"
    number = (np.arange(60) * 2 + 100)[None, :] + rng.integers(0, 2, (n_streets, 60))
    street = np.repeat(np.arange(n_streets), 60)
    frame = pd.DataFrame({"Add_Number": number.ravel()})
    frame["St_Name"], frame["St_PosTyp"] = np.array(names)[street], np.array(kinds)[street]
    frame = frame.assign(
        Post_Comm="Riverbend", Post_Code="95000", A1="CA", status="ACTIVE", NGUID=[f"n{k}" for k in range(len(frame))]
    )
    frame["apn"] = [f"{k:08d}" for k in range(len(frame))]
    return gpd.GeoDataFrame(
        frame, geometry=shapely.points(6.33e6 + street * 300.0, 2.1e6 + frame["Add_Number"] * 6.0), crs="EPSG:6420"
    )


def written(number: int, name: str, kind: str, rng: np.random.Generator) -> str:
    """One address, mistyped in one of the ways that people do."""
    kind_said = str(rng.choice(_TYPES[kind]))
    match rng.integers(0, 9):
        case 0 | 1:
            name = _slip(name, rng)
        case 2:
            kind_said = ""
        case 3:
            return f"{number} {kind_said} {name}"
        case 4:
            return f"{name} {kind_said} {number}"
        case 5:
            unit = rng.choice(["Apt 3", "#12", "Unit B", "STE 200", ", Apt. 4C"])
            return f"{number} {name} {kind_said} {unit}"
        case 6:
            name = name.upper() if rng.random() < 0.5 else f"  {name.lower()} "
        case _:
            pass
    tail = rng.choice(["", "", ", Riverbend", ", Riverbend, CA 95000", " RIVERBEND CA 95000-1234"])
    return f"{number} {name} {kind_said}".rstrip() + str(tail)


def _slip(name: str, rng: np.random.Generator) -> str:
    """A letter left out, doubled, exchanged with the next one, or another one in its place."""
    at = int(rng.integers(1, len(name) - 1))
    match rng.integers(0, 4):
        case 0:
            return name[:at] + name[at + 1 :]
        case 1:
            return name[:at] + name[at] + name[at:]
        case 2:
            return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        case _:
            return name[:at] + str(rng.choice(list("aeiourstln"))) + name[at + 1 :]
