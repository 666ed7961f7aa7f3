"""
Run the benches and keep what they print, word for word, in docs/measured/; then make the tables of it.

    python scripts/bench/measure.py                    all that are listed below, about an hour on two cores
    python scripts/bench/measure.py pipeline sync      only these
    python scripts/bench/measure.py --tables           no bench; only the tables again, from what is kept

The table in README.md is made by `speed_table.toml`, which says where in a transcript each figure stands: a figure that no
bench printed cannot get into it.
"""

import argparse
import datetime
import os
import platform
import re
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KEPT = ROOT / "docs" / "measured"

BENCHES = {
    "pipeline": ["pipeline.py"],
    "quality": ["quality.py", "--parcels", "10000", "200000"],
    "changes": ["changes.py", "--parcels", "50000", "200000"],
    "store": ["store.py"],
    "gps": ["gps.py"],
    "survey": ["survey.py"],
    "sheets": ["sheets.py"],
    "analysis": ["analysis.py"],
    "sync": ["sync.py"],
    "scale": ["scale.py"],
    "desk": ["desk.py"],
}
"""Bench to script and arguments."""

BEGIN, END = "<!-- speed: made by scripts/bench/measure.py -->", "<!-- /speed -->"


def measured(name: str) -> str:
    """What a bench prints, with the day, the machine and the command above it."""
    script, *arguments = BENCHES[name]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, HERE / script, *arguments], stdout=subprocess.PIPE, text=True, env=environment, check=False
    )
    if done.returncode:
        raise SystemExit(f"{script} ended with {done.returncode}; nothing of it was kept")
    machine = f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    head = f"# {datetime.date.today()}, {machine}"
    return f"{head}\n# scripts/bench/{' '.join(BENCHES[name])}\n{done.stdout.rstrip()}\n"


def figure(pattern: str, transcript: str, *, what: str) -> float:
    """The number that a pattern's group finds in a transcript, or the median of several."""
    found = re.search(pattern, transcript, re.MULTILINE | re.DOTALL)
    if not found:
        raise SystemExit(f"speed_table.toml, {what!r}: nothing in the transcript fits {pattern!r}")
    return float(found.group(1).replace(",", ""))


def table() -> str:
    """The table of README.md, in Markdown, from the transcripts that are there."""
    rows = ["| | citygis | peer, in the same run | |", "|---|---|---|---|"]
    for row in tomllib.loads((HERE / "speed_table.toml").read_text(encoding="utf-8"))["row"]:
        path = KEPT / f"{row['bench']}.txt"
        if not path.exists():
            continue
        transcript = path.read_text(encoding="utf-8")
        ours = figure(row["citygis"], transcript, what=row["what"])
        more = {key: figure(pattern, transcript, what=row["what"]) for key, pattern in row.get("also", {}).items()}
        ours_told = row["told"].format(ours, **more)
        peer_told = ratio = ""
        if "peer" in row:
            peer = figure(row["peer"], transcript, what=row["what"]) * row.get("peer_times", 1)
            peer_told = row["peer_told"].format(peer, **more)
            ratio = f"{peer / ours:.{0 if peer / ours >= 10 else 1}f} times as fast" if row.get("ratio", True) else ""
        rows.append(f"| {row['what']} | {ours_told} | {peer_told} | {ratio} |")
    return "\n".join(rows)


def write_tables() -> None:
    """The table between its marks in README.md."""
    path = ROOT / "README.md"
    text = path.read_text(encoding="utf-8")
    before, mark, rest = text.partition(BEGIN)
    if not mark or END not in rest:
        raise SystemExit(f"README.md has no {BEGIN} ... {END}")
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", nargs="*", choices=[*BENCHES, []], default=[])
    parser.add_argument("--tables", action="store_true", help="no bench, only the tables")
    options = parser.parse_args()
    for name in [] if options.tables else options.bench or list(BENCHES):
        print(f"{name} ...", file=sys.stderr, flush=True)
        KEPT.mkdir(exist_ok=True)
        transcript = measured(name)
        (KEPT / f"{name}.txt").write_text(transcript, encoding="utf-8")
    write_tables()


if __name__ == "__main__":
    main()
