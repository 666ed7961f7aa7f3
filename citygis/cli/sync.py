"""`citygis sync`: a remote layer kept in step with the City's: plan, apply, verify, revert, link, publish, pull."""

import sys
from pathlib import Path

import click

from citygis.cli.options import (
    city_option,
    emit_json,
    json_option,
    overwrite_option,
    quiet_option,
    source_option,
    table,
)
from citygis.cli.sync_layers import link_command, publish_command, pull_command
from citygis.cli.sync_results import Bar, opened, plan_said, print_plan, print_run, run_said, source_layer, target_argument, told


@click.group()
def command() -> None:
    """
    Keep a layer of ArcGIS Online or Enterprise in step with the City's: look first, send a saved plan, read it back.

    TARGET is a name in the City's folder `sync` (NAME.toml says which layer goes where, under which names, for whom), or the
    path of such a file. For credentials = "county" the login comes from the environment (CITYGIS_COUNTY_USER and
    CITYGIS_COUNTY_PASSWORD, or CITYGIS_COUNTY_TOKEN), a file that only you may read, or the keyring; for a target that names none,
    from CITYGIS_USER and CITYGIS_PASSWORD. Never from the command line. Needs the extra: pip install 'citygis[arcgis]'.

    Nothing is sent without --apply. Exit code 1: done, with conflicts, refusals, or a remainder; 3: refused, nothing sent.

    \b
    Example:
      citygis sync plan parcels --city riverbend --out plan.json --report plan.html
      citygis sync apply plan.json --city riverbend                what would be sent
      citygis sync apply plan.json --city riverbend --apply
      citygis sync verify parcels --city riverbend
      citygis sync runs parcels --city riverbend
      citygis sync revert 20261122T181500Z-3fa9 --target parcels --city riverbend --out back.json
    """


@command.command("plan")
@target_argument
@city_option
@source_option
@click.option("--out", type=click.Path(path_type=Path), metavar="PLAN.json", help="Save the plan, to be applied.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE.html", help="A page that shows what it would do.")
@click.option("--allow-deletes", type=click.IntRange(min=0), metavar="N", help="So many deletions are meant.")
@click.option(
    "--on-conflict",
    type=click.Choice(["skip", "local", "remote"]),
    default="skip",
    show_default=True,
    help="Whose version stands of a feature that was edited there.",
)
@overwrite_option
@json_option
@quiet_option
def plan_command(
    target_name: str,
    city_folder: str | None,
    source: Path | None,
    out: Path | None,
    report: Path | None,
    allow_deletes: int | None,
    on_conflict: str,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """
    Tell what would make the remote layer say what the City's says. Nothing is sent.

    \b
    Example:
      citygis sync plan parcels --city riverbend --out plan.json
      citygis sync plan parcels --city riverbend --out plan.json --report plan.html --allow-deletes 14
      citygis sync plan parcels --city riverbend --from parcels.gpkg --on-conflict local
    """
    from citygis import sync
    from citygis.publish import publish_text, require_free
    from citygis.sync.preparation import plan_of, read_sides

    for path in (out, report):
        if path is not None:
            require_free(path, overwrite=overwrite)
    city, target = opened(city_folder, target_name)
    remote = sync.connected(target)
    layer = source_layer(source, target)
    with Bar("Reading", quiet=quiet) as bar:
        sides = read_sides(target, city=city, remote=remote, layer=layer, progress=bar.reading, told=told(quiet))
    made = plan_of(sides, target, allow_deletes=allow_deletes, on_conflict=on_conflict)
    if out is not None:
        sync.save_plan(made, out, overwrite=overwrite)
    if report is not None:
        page = sync.plan_page(made, local=sides.local.frame, remote=sides.reading.frame, city=city)
        publish_text(report, page, overwrite=overwrite)
    left_out = len(sides.local.left_out)
    if as_json:
        emit_json(plan_said(made, plan=out, report=report, requests=sides.requests, left_out=left_out))
    else:
        print_plan(made)
        if left_out:
            click.echo(f"{left_out:,} features of the City's are left out by `where` of the target.")
        for path in (out, report):
            if path is not None:
                click.echo(f"Written: {path}")
        if made.is_empty and made.is_clean:
            click.echo("Nothing to send: both sides say the same.")
    sys.exit(0 if made.is_clean else 1)


@command.command("apply")
@click.argument("plan_path", type=click.Path(path_type=Path), metavar="PLAN.json")
@click.option("--apply", "do_apply", is_flag=True, help="Send it. Without it, what would be sent is told.")
@click.option("--target", "target_name", metavar="TARGET", help="The target's file, where it is not in the City's folder.")
@city_option
@source_option
@json_option
@quiet_option
def apply_command(
    plan_path: Path,
    do_apply: bool,
    target_name: str | None,
    city_folder: str | None,
    source: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """
    Send a saved plan, read it back, and prove it.

    A feature that was edited there since the plan was made is left alone and told. Ctrl-C ends after the batch in flight; what was
    done stays, and another plan goes on from there.

    \b
    Example:
      citygis sync apply plan.json --city riverbend
      citygis sync apply plan.json --city riverbend --apply
    """
    from citygis import sync
    from citygis.sync.application import require_appliable

    made = sync.read_plan(plan_path)
    city, target = opened(city_folder, target_name or made.target)
    require_appliable(made, target)
    if not do_apply:
        if as_json:
            emit_json(plan_said(made, plan=plan_path))
        else:
            print_plan(made)
            click.echo("Nothing was sent. To send it: --apply")
        sys.exit(0 if made.is_clean else 1)
    layer = source_layer(source, target)
    with Bar("Sending", quiet=quiet) as bar:
        run = sync.apply(made, target, city=city, layer=layer, progress=bar.sending, told=told(quiet))
    if as_json:
        emit_json({**plan_said(made, plan=plan_path, requests=run.requests), **run_said(run)})
    else:
        print_run(run, made)
    sys.exit(130 if run.stopped == "interrupted" else 0 if run.is_clean else 1)


@command.command("verify")
@target_argument
@city_option
@source_option
@json_option
@quiet_option
def verify_command(target_name: str, city_folder: str | None, source: Path | None, as_json: bool, quiet: bool) -> None:
    """
    Read both sides and say whether they agree. Nothing is sent.

    \b
    Example:
      citygis sync verify parcels --city riverbend
    """
    from citygis import sync

    city, target = opened(city_folder, target_name)
    with Bar("Reading", quiet=quiet) as bar:
        found = sync.verify(target, city=city, layer=source_layer(source, target), progress=bar.reading, told=told(quiet))
    if as_json:
        emit_json({**plan_said(found.plan, requests=found.requests), "agreed": found.agreed, "is_clean": found.is_clean})
    else:
        print_plan(found.plan)
        click.echo(f"{found.agreed:,} features say the same on both sides.")
    sys.exit(0 if found.is_clean else 1)


@command.command("revert")
@click.argument("run_id", metavar="RUN")
@click.option("--target", "target_name", required=True, metavar="TARGET", help="Whose run it was.")
@click.option("--out", type=click.Path(path_type=Path), metavar="PLAN.json", help="Save the plan, to be applied.")
@city_option
@overwrite_option
@json_option
@quiet_option
def revert_command(
    run_id: str, target_name: str, out: Path | None, city_folder: str | None, overwrite: bool, as_json: bool, quiet: bool
) -> None:
    """
    Plan how to take RUN back: values as they were before it, its deletions put back, its additions deleted. Nothing is sent.

    The plan is applied like any other. A feature that somebody edited since is left as it is.

    \b
    Example:
      citygis sync runs parcels --city riverbend
      citygis sync revert 20261122T181500Z-3fa9 --target parcels --city riverbend --out back.json
      citygis sync apply back.json --city riverbend --apply
    """
    from citygis import sync
    from citygis.publish import require_free

    if out is not None:
        require_free(out, overwrite=overwrite)
    city, target = opened(city_folder, target_name)
    made = sync.revert(run_id, target, city=city)
    if out is not None:
        sync.save_plan(made, out, overwrite=overwrite)
    if as_json:
        emit_json(plan_said(made, plan=out))
    else:
        print_plan(made)
        if made.deletes:
            click.echo(f"It deletes the {len(made.deletes):,} features that run {made.reverts} added.")
        if out is not None:
            click.echo(f"Written: {out}")
    sys.exit(0 if made.is_clean else 1)


@command.command("runs")
@target_argument
@city_option
@json_option
def runs_command(target_name: str, city_folder: str | None, as_json: bool) -> None:
    """
    List the runs against TARGET, oldest first: when, how many features, how they ended.

    \b
    Example:
      citygis sync runs parcels --city riverbend
    """
    from citygis import sync

    _city, target = opened(city_folder, target_name)
    told = [
        {
            "run_id": record.run_id,
            "at": record.begin["at"],
            **record.begin["counts"],
            "written": len(record.written),
            "reverts": record.begin["reverts"],
            "state": record.state,
        }
        for record in sync.runs(target.folder)
    ]
    if as_json:
        emit_json(told)
        return
    table([list(row.values()) for row in told], ["run", "at", "adds", "updates", "deletes", "written", "takes back", "ended"])


for _subcommand in (link_command, publish_command, pull_command):
    command.add_command(_subcommand)
