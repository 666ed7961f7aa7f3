"""`citygis preflight`: a PDF, whoever made it, measured before it is plotted."""

from pathlib import Path

import click

from citygis.cli.options import emit_json, json_option, table


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.pdf")
@click.option("--profile", metavar="NAME", help="What it must be: a kind of map (map_act, wall_map ...) or a paper (arch_d ...).")
@click.option("--scale", metavar="1in=100ft", help="What it must be drawn at. Without it: what the file says, if all of it agrees.")
@click.option("--margin", "margin_in", type=click.FloatRange(min=0), metavar="IN", help="Blank margin, in place of the profile's.")
@click.option("--layer", "layers", multiple=True, metavar="NAME", help="A layer that must be there, with ink. May be repeated.")
@click.option("--roll", "roll_in", type=click.FloatRange(min=1), metavar="IN", help="Width of the plotter's roll.")
@click.option("--device", type=click.Choice(["pdf", "hpgl"]), help="hpgl: a plotter that knows no transparency.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    file: Path,
    profile: str | None,
    scale: str | None,
    margin_in: float | None,
    layers: tuple[str, ...],
    roll_in: float | None,
    device: str | None,
    as_json: bool,
) -> None:
    """
    Open FILE.pdf and measure it: paper, margin, scale by everything that states it, lettering, ink, layers, and what the print
    dialogue will do. Nothing is changed, and nothing assumed of the program that made it.

    What cannot be measured is skipped and says why. Exit code 1: a check failed; 3: the file cannot be read.

    \b
    Example:
      citygis preflight parcel_map.pdf --profile map_act
      citygis preflight from_the_consultant.pdf --scale 1in=40ft --roll 36 --json
    """
    from citygis.sheets.frame import scale_of
    from citygis.sheets.preflight import preflight, preflight_names

    if profile is not None and profile not in preflight_names():
        raise click.BadParameter(f"{profile!r} is neither. There are: {', '.join(preflight_names())}.", param_hint="--profile")
    try:
        wanted = scale_of(scale) if scale is not None else None
    except ValueError:
        raise click.BadParameter(f"{scale!r} must look like 1in=100ft.", param_hint="--scale") from None
    report = preflight(file, scale=wanted, margin_in=margin_in, layers=layers, profile=profile, roll_in=roll_in, device=device)
    if as_json:
        emit_json(
            {
                "file": str(file),
                "profile": profile,
                "passed": report.passed,
                "width_in": report.width_in,
                "height_in": report.height_in,
                "feet_per_inch": report.feet_per_inch,
                "layers": list(report.layers),
                "checks": [
                    {
                        "name": check.name,
                        "page": check.page,
                        "status": check.status,
                        "passed": None if check.skipped else check.passed,
                        "measured": check.measured,
                        "expected": check.expected,
                    }
                    for check in report.checks
                ],
            }
        )
    else:
        _show(file, report)
    if not report.passed:
        ctx.exit(1)


def _show(file: Path, report) -> None:
    """A line for each check; of many pages one for all that passed, and each that did not."""
    many = max((check.page or 1 for check in report.checks), default=1) > 1
    words = {"pass": "yes", "fail": "NO", "skip": "-"}
    rows: list[tuple] = []
    told: dict[tuple[str, str], int] = {}
    for check in report.checks:
        key = (check.name, check.status)
        if many and check.page is not None and check.status != "fail" and key in told:
            rows[told[key]][1] += 1
            continue
        told[key] = len(rows)
        rows.append([check, 1])
    counts = {"fail": 0, "skip": 0, "pass": 0}
    for check in report.checks:
        counts[check.status] += 1
    lines = []
    for check, times in rows:
        place = "" if check.page is None else f"{times} pages" if times > 1 else f"page {check.page}"
        lines.append((check.name, *([place] if many else []), words[check.status], check.measured, check.expected))
    columns = ["checked in the file", *(["where"] if many else []), "passed", "measured", "expected"]
    table(lines, columns, title=f"{file}: {counts['fail']} of {len(report.checks) - counts['skip']} checks failed")
