"""`citygis sync link|publish|pull`: the first link-up with a layer, a new hosted layer, and what lies there brought here."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from citygis.cli.options import (
    city_option,
    emit_json,
    json_option,
    note,
    open_city_option,
    overwrite_option,
    quiet_option,
    source_option,
    table,
)
from citygis.cli.sync_results import SHOWN, Bar, opened, source_layer, target_argument, told

if TYPE_CHECKING:
    from citygis.readers.service.remote import ServiceReader


def _certificate_option(when: str) -> Callable:
    return click.option(
        "--certificate",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help=f"{when}: PEM file of an authority to trust besides the system's.",
    )


@click.command("link")
@target_argument
@click.option("--url", metavar="URL", help="With --layer: draft TARGET for this layer, and stop for a person to read it.")
@click.option("--layer", "layer_name", metavar="NAME", help="With --url: the City's layer.")
@click.option("--portal", default="", metavar="URL", help="With --url: the portal to log in to.")
@click.option("--credentials", default="", metavar="NAME", help="With --portal: the name of the login; never the secret.")
@_certificate_option("With --url")
@click.option("--apply", "do_apply", is_flag=True, help="Keep the pairs, and take the linked features as the base.")
@city_option
@source_option
@json_option
@quiet_option
def link_command(
    target_name: str,
    url: str | None,
    layer_name: str | None,
    portal: str,
    credentials: str,
    certificate: Path | None,
    do_apply: bool,
    city_folder: str | None,
    source: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """
    Match the City's features with those that a layer holds already, by the target's natural key; one to one, nothing guessed.

    The pairs are kept in the target's folder: the City's identifiers stay as they are, and a linked feature goes out under the one
    that it has there.

    \b
    Example:
      citygis sync link parcels --url https://.../FeatureServer/0 --layer parcel --city riverbend      drafts the target
      citygis sync link parcels --city riverbend                                                      shows the pairs
      citygis sync link parcels --city riverbend --apply
    """
    from citygis import sync

    if (url is None) != (layer_name is None):
        raise click.UsageError("--url and --layer go together.")
    if url is None and (portal or credentials or certificate):
        raise click.UsageError("--portal, --credentials and --certificate go with --url; a target says its own.")
    if credentials and not portal:
        raise click.UsageError("--credentials goes with --portal, which it is sent to.")
    if url is not None:
        _draft(target_name, url, str(layer_name), portal, credentials, certificate, city_folder, as_json=as_json)
        return
    city, target = opened(city_folder, target_name)
    with Bar("Reading", quiet=quiet) as bar:
        found = sync.link(target, city=city, layer=source_layer(source, target), apply=do_apply, progress=bar.reading)
    counts = {
        "linked": len(found.pairs),
        "same": found.same,
        "ambiguous": len(found.ambiguous),
        "only_here": len(found.only_here),
        "only_there": len(found.only_there),
    }
    if as_json:
        lists = {name: getattr(found, name).to_dict("records") for name in ("pairs", "ambiguous", "only_here", "only_there")}
        emit_json({"target": target.name, "url": target.url, "counts": counts, **lists, "is_written": found.is_written})
    else:
        table(
            [list(counts.values())], ["linked", "same id", "ambiguous", "only here", "only there"], title=f"Link of {target.name}"
        )
        for name, title in (
            ("ambiguous", "More than one feature has the key"),
            ("only_here", "Only here"),
            ("only_there", "Only there"),
        ):
            rows = getattr(found, name)
            if len(rows):
                shown = rows.head(SHOWN).fillna("").to_numpy().tolist()
                table(shown, list(rows.columns), title=f"{title} ({len(rows):,})")
        if found.is_written:
            at = f" --city {city_folder}" if city_folder else ""
            click.echo(f"The pairs and the base were written. Next: citygis sync plan {target_name}{at}")
        else:
            click.echo("Nothing was written. To keep the pairs: --apply")
    sys.exit(0 if found.is_clean else 1)


@click.command("publish")
@target_argument
@click.option(
    "--access", type=click.Choice(["private", "org", "public"]), default="private", show_default=True, help="Who may see it."
)
@click.option("--apply", "do_apply", is_flag=True, help="Make it. Without it, its fields are shown.")
@city_option
@source_option
@json_option
@quiet_option
def publish_command(
    target_name: str, access: str, do_apply: bool, city_folder: str | None, source: Path | None, as_json: bool, quiet: bool
) -> None:
    """
    Make a new hosted layer from the City's schema, for a target that has no url yet: empty, and nobody's but yours.

    \b
    Example:
      citygis sync publish parcels --city riverbend
      citygis sync publish parcels --city riverbend --apply
    """
    from citygis import sync

    city, target = opened(city_folder, target_name)
    note(f"Publishing to {target.portal or 'the portal of the login'}", quiet=quiet or not do_apply)
    made = sync.publish(target, city=city, layer=source_layer(source, target), access=access, apply=do_apply)
    if as_json:
        emit_json({"target": target.name, "name": made.name, "access": access, "url": made.url, "definition": made.definition})
        return
    rows = [
        (
            each["name"],
            each["type"].removeprefix("esriFieldType"),
            each.get("length"),
            each["nullable"],
            len(each["domain"]["codedValues"]) if each.get("domain") else None,
            each["alias"],
        )
        for each in made.definition["fields"]
    ]
    table(rows, ["field", "type", "length", "nullable", "codes", "alias"], title=f"{made.name}: {made.definition['name']}")
    if made.url is None:
        click.echo("Nothing was made. To make it: --apply")
    else:
        click.echo(f'Made. Write this into {target.path}: url = "{made.url}"')


@click.command("pull")
@click.argument("source_name", metavar="URL|TARGET")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE.gpkg", help="Where to.")
@click.option("--where", default="1=1", metavar="SQL", help="Only a part, in the service's SQL.")
@_certificate_option("With a URL")
@click.option(
    "--edits", is_flag=True, help="Of a TARGET: the City's layer with what was edited there laid over it, for citygis diff."
)
@city_option
@overwrite_option
@json_option
@quiet_option
def pull_command(
    source_name: str,
    out: Path,
    where: str,
    certificate: Path | None,
    edits: bool,
    city_folder: str | None,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """
    Read a layer of a feature service whole into a GeoPackage, or refuse. A public URL needs neither a login nor the extra.

    For a URL that wants a token: CITYGIS_TOKEN, with its host in CITYGIS_TOKEN_HOST. Everything that reads a URL takes
    CITYGIS_CERTIFICATE=FILE for --certificate.

    \b
    Example:
      citygis sync pull https://services.example.com/arcgis/rest/services/Zoning/FeatureServer/0 --out zoning.gpkg
      citygis sync pull https://gis.county.example/rest/services/Roads/FeatureServer/0 --certificate county.pem --out roads.gpkg
      citygis sync pull parcels --city riverbend --edits --out edits.gpkg
      citygis diff edits.gpkg --city riverbend --review review.csv
    """
    from citygis.gpkg import write_geopackage
    from citygis.publish import require_free
    from citygis.readers.service import is_service_url, plain_reader
    from citygis.schema import Schema, schema
    from citygis.sync.preparation import connected
    from citygis.sync.pulling import pull

    require_free(out, overwrite=overwrite)
    is_url = is_service_url(source_name)
    if edits and (is_url or where != "1=1"):
        raise click.UsageError("--edits goes with a TARGET, and without --where.")
    if certificate and not is_url:
        raise click.UsageError("--certificate goes with a URL; a target says its own.")
    if edits:
        _pull_edits(source_name, out, city_folder, overwrite=overwrite, as_json=as_json, quiet=quiet)
        return
    reader = plain_reader(source_name, certificate=certificate) if is_url else connected(opened(city_folder, source_name)[1])
    with Bar("Reading", quiet=quiet) as bar:
        pulled = pull(reader, where=where, progress=bar.reading)
    documents = Schema(version=schema().version, layers={"source_document": schema().layers["source_document"]})
    write_geopackage(out, {pulled.name: pulled.frame, "source_document": pulled.document}, schema=documents, overwrite=overwrite)
    if pulled.curved:
        note(f"{pulled.curved:,} true curves were drawn as chords.", quiet=quiet)
    if pulled.is_measured:
        note(f"{pulled.name} has measures (M), which were left out (Y29).", quiet=quiet)
    if as_json:
        said = {"url": reader.url, "layer": pulled.name, "features": len(pulled.frame), "curved": pulled.curved, "out": str(out)}
        emit_json({**said, "measures_left_out": pulled.is_measured, "requests": pulled.requests})
    else:
        table([(pulled.name, len(pulled.frame), pulled.requests)], ["layer", "features", "requests"], title=reader.url)
        click.echo(f"Written: {out}")


def _draft(
    name: str,
    url: str,
    layer: str,
    portal: str,
    credentials: str,
    certificate: Path | None,
    city_folder: str | None,
    *,
    as_json: bool,
) -> None:
    from citygis.errors import SettingsError
    from citygis.publish import publish_text
    from citygis.sync.linking import drafted_target
    from citygis.sync.redaction import redact_logging
    from citygis.sync.remote import Patient

    city = open_city_option(city_folder)
    if city.folder is None:
        raise SettingsError("There is no City folder to draft a target in. Name one with --city DIR.")
    if not name.replace("_", "").replace("-", "").isalnum():
        raise click.BadParameter(f"{name!r} must be letters, digits, _ and -.", param_hint="TARGET")
    path = city.folder / "sync" / f"{name}.toml"
    redact_logging()
    definition = Patient(_reader(url, portal, credentials, certificate)).layer()
    text = drafted_target(
        url, layer, definition, city, portal=portal, credentials=credentials, certificate=_beside(certificate, path.parent)
    )
    publish_text(path, text)
    if as_json:
        emit_json({"target": name, "url": url, "layer": layer, "path": str(path)})
    else:
        click.echo(f"Drafted: {path}. Read every line of it, then: citygis sync link {name} --city {city_folder}")


def _reader(url: str, portal: str, credentials: str, certificate: Path | None) -> "ServiceReader":
    """Logged in where there is a login for the portal that is named; else as anybody."""
    import os

    from citygis.readers.service import plain_reader
    from citygis.sync.arcgis_client import connect
    from citygis.sync.credentials import credentials_for

    has_unnamed = any(os.environ.get(name) for name in ("CITYGIS_TOKEN", "CITYGIS_USER"))
    if portal and (credentials or has_unnamed):
        return connect(url, portal, credentials_for(credentials), certificate=certificate)
    return plain_reader(url, certificate=certificate)


def _beside(certificate: Path | None, folder: Path) -> str | None:
    """How a target in that folder names the file."""
    if certificate is None:
        return None
    path = certificate.resolve()
    return path.name if path.parent == folder.resolve() else str(path)


def _pull_edits(name: str, out: Path, city_folder: str | None, *, overwrite: bool, as_json: bool, quiet: bool) -> None:
    from citygis import sync
    from citygis.errors import SyncError
    from citygis.gpkg import write_geopackage
    from citygis.sync.preparation import plan_of, read_sides
    from citygis.sync.pulling import with_edits

    city, target = opened(city_folder, name)
    remote = sync.connected(target)
    with Bar("Reading", quiet=quiet) as bar:
        sides = read_sides(target, city=city, remote=remote, progress=bar.reading, told=told(quiet))
    made = plan_of(sides, target)
    if not made.is_compared:
        raise SyncError("The two sides cannot be compared. " + " ".join(f"{each.code}: {each.message}" for each in made.stops))
    kinds = {
        kind: [each for each in made.conflicts if each.kind == kind] for kind in ("remote_edited", "both_changed", "remote_added")
    }
    counts = {kind: len(some) for kind, some in kinds.items()}
    frame = with_edits(sides, {each.global_id for some in kinds.values() for each in some}, target, city)
    write_geopackage(out, {target.layer: frame}, schema=city.schema, overwrite=overwrite)
    if as_json:
        emit_json({"target": target.name, "url": target.url, "layer": target.layer, "counts": counts, "out": str(out)})
    else:
        table([list(counts.values())], list(counts), title=f"Edited at {target.url}")
        click.echo(f"Written: {out}. Review it: citygis diff {out} --city {city_folder or '.'} --review review.csv")
