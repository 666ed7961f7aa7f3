"""
What both sides agree on, feature by feature: the base of the next plan.
"""

from collections.abc import Collection

import pandas as pd

from citygis.sync.model import Plan


def settled_base(
    local: pd.DataFrame, remote: pd.DataFrame, base: pd.DataFrame | None, now: Plan, written: Collection[str]
) -> pd.DataFrame:
    """
    The last verified state after a complete read.

    A remote feature goes into it where the City's layer says the same, or where it was read back as one of our runs meant it. Of
    everything else the base stays as it was: taking over somebody else's edit here would have the next plan overwrite it, and
    taking over somebody else's feature would have it deleted.

    Parameters
    ----------
    local, remote : frames
        As they were planned, with ``global_id``.
    base : frame or None
        The one before.
    now : Plan
        Of those three.
    written : collection of str
        Global ids that were verified as written by a run.

    Returns
    -------
    frame
        The columns that both sides have; ordered by ``global_id``. A feature that is on neither side any more is left out.
    """
    here, there = set(local["global_id"]), set(remote["global_id"])
    parts = (now.adds, now.updates, now.deletes, now.conflicts, now.refusals)
    open_ = {each.global_id for part in parts for each in part}
    taken = ((here & there) - open_) | (set(written) & there)
    frame = remote.loc[remote["global_id"].isin(taken), [name for name in remote.columns if name in local.columns]]
    if base is not None:
        kept = base[base["global_id"].isin((here | there) - taken)]
        if len(kept):
            frame = pd.concat([frame, kept[[name for name in frame.columns if name in kept.columns]]])
    return frame.sort_values("global_id", ignore_index=True)
