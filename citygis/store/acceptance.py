"""
Which findings stand in the way of a load, and which of them somebody accepted, with the reason.
"""

from collections.abc import Mapping

import pandas as pd

from citygis.city import City
from citygis.errors import StoreError
from citygis.quality import CATALOGUE, RULES
from citygis.quality.exceptions import Applied, apply_exceptions, read_exceptions
from citygis.store.database import Transaction

COLUMNS = ("finding_id", "source_sha256", "code", "layer", "feature", "other", "reason")
"""What is kept of an accepted finding, beside its author, time and change."""

_NAMED = 5
"""So many features are named of an error that stands in the way of a load."""


def require_reasons(accept: Mapping[str, str], findings: pd.DataFrame) -> None:
    """
    Look that every code to accept is a code, and has a reason.

    Raises
    ------
    StoreError
        Naming the code.
    """
    known = {*RULES, *findings["code"]}
    for code, reason in accept.items():
        if code not in known:
            raise StoreError(
                f"There is no finding code {code!r} to accept. There are: {', '.join(sorted(known))}. Nothing was changed."
            )
        if not isinstance(reason, str) or not reason.strip():
            raise StoreError(f'{code} is accepted without a reason. Say why: --accept {code}="reason". Nothing was changed.')


def none_accepted() -> pd.DataFrame:
    """No accepted findings: columns `COLUMNS`, no rows."""
    return pd.DataFrame({name: pd.Series(dtype="str") for name in COLUMNS})


def excused(findings: pd.DataFrame, layers: Mapping[str, pd.DataFrame], city: City) -> Applied | None:
    """
    Findings told apart by the City's register of exceptions: what it covers does not stand in the way of a load.

    Parameters
    ----------
    findings : findings frame
    layers : mapping of name to frame
        What the findings were made of: the layers to load, together with what the store holds beside them.
    city : City

    Returns
    -------
    Applied or None
        None where the City has no register.

    Raises
    ------
    SettingsError
        If the register cannot be read.
    """
    path = city.exceptions_path
    if path is None or not path.exists():
        return None
    return apply_exceptions(findings, read_exceptions(path), layers, city=city)


def newly_accepted(work: Transaction, findings: pd.DataFrame, accept: Mapping[str, str], *, source_sha256: str) -> pd.DataFrame:
    """
    The findings that a load accepts and that were not accepted before.

    Parameters
    ----------
    work : Transaction
        On the store.
    findings : findings frame
        Only severity `error` stands in the way. One that was accepted before stays accepted: its ``finding_id`` holds until the
        ground changes. What is said of a delivery as a whole, without feature and place, is accepted for that delivery only.
    accept : mapping of code to reason
    source_sha256 : str
        Of the delivery; empty when it is not known.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`, one row per finding; ``source_sha256`` is empty where the acceptance holds for any delivery.

    Raises
    ------
    StoreError
        If a finding is neither accepted now nor before; the message lists codes, counts and what to type.
    """
    require_reasons(accept, findings)
    errors = pd.DataFrame(findings[findings["severity"] == "error"]).reset_index(drop=True)
    placeless = errors["feature"].isna() & (errors["geometry"].isna() if "geometry" in errors else True)
    errors["source_sha256"] = pd.Series("", index=errors.index, dtype="str").mask(placeless, source_sha256)
    before = set(work.rows("SELECT finding_id, source_sha256 FROM citygis_accepted WHERE undone_by IS NULL"))
    is_new = [key not in before for key in zip(errors["finding_id"], errors["source_sha256"], strict=True)]
    errors = errors[pd.Series(is_new, index=errors.index, dtype=bool)]
    refused = errors[~errors["code"].isin(list(accept))]
    if len(refused):
        raise StoreError(_refusal(refused))
    accepted = errors.assign(reason=pd.Series(errors["code"].map(lambda code: accept[code].strip()), dtype="str"))
    return accepted[list(COLUMNS)].reset_index(drop=True)


def _refusal(refused: pd.DataFrame) -> str:
    told = {name: (name, "first") for name in ("layer", "rule", "message", "remedy")}
    counts = refused.groupby("code", sort=True).agg(n=("code", "size"), **told)
    features = refused["feature"].where(refused["other"].isna(), refused["feature"] + " with " + refused["other"])
    stand = "1 error stands" if len(refused) == 1 else f"{len(refused):,} errors stand"
    lines = [f"{stand} in the way of the load. Nothing was changed."]
    for code, row in counts.iterrows():
        known = CATALOGUE.get((code, row["rule"]), RULES.get(code))
        title = known.title if known else row["message"]
        lines.append(f"  {code}  {row['n']:>6,}  {title} ({row['layer']})")
        named = features[refused["code"] == code].dropna().astype("str").drop_duplicates()
        more = f" and {len(named) - _NAMED:,} more" if len(named) > _NAMED else ""
        lines += [f"{'':15}{', '.join(named.head(_NAMED))}{more}"] if len(named) else []
        lines += [f"{'':15}{row['remedy']}"] if isinstance(row["remedy"], str) and row["remedy"] else []
    options = " ".join(f'--accept {code}="reason"' for code in counts.index)
    lines.append(f"Correct them (citygis validate shows each one), or accept each code, saying why: {options}")
    return "\n".join(lines)
