"""`citygis desk`: a page on this machine where questions are asked, and findings, changes, plans and jobs are looked at."""

import click

from citygis.cli.options import city_option, json_option, note, open_city_option, quiet_option


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8460, show_default=True, help="0 takes any that is free.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where to listen: this machine alone.")
@click.option("--allow-remote", is_flag=True, help="With another --host: let other machines in, by a key in the address.")
@click.option(
    "--profile",
    type=click.Choice(["public", "staff"]),
    default="public",
    show_default=True,
    help="staff: names and mailing addresses of the roll are shown. public: the roll is not read.",
)
@click.option("--no-open", is_flag=True, help="Do not open the page in the browser.")
@city_option
@json_option
@quiet_option
def command(
    port: int,
    host: str,
    allow_remote: bool,
    profile: str,
    no_open: bool,
    city_folder: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """
    Serve the City's desk: a page where departments ask their questions, find the parcel by number, address or on the map, and take
    the package of files with them; and where an engineer sees findings, changes, plans and jobs.

    Files that a question asks for are offered from the folder "desk" of the City's folder. Nothing is sent anywhere; the page
    fetches nothing from the network. Ctrl-C ends it.

    \b
    Example:
      citygis desk --city riverbend
      citygis desk --city riverbend --profile staff --port 0 --no-open --json
    """
    import secrets
    import webbrowser

    from citygis.cli.options import emit_json
    from citygis.desk import Room, Server, is_loopback

    remote = not is_loopback(host)
    if remote and not allow_remote:
        raise click.UsageError(
            f"--host {host} lets other machines in, over a connection that is not encrypted. Say --allow-remote if that is meant."
        )
    city = open_city_option(city_folder)
    room = Room(city, profile=profile)
    server = Server(
        room,
        host,
        port,
        key=secrets.token_urlsafe(24) if remote else "",
        log=None if quiet else lambda line: note(line),
    )
    note("Reading the City's layers", quiet=quiet)
    held = room.prepare()
    told = {"url": server.url, "city": city.name, "profile": profile, "change": held.change, "parcels": int(held.standing.sum())}
    if as_json:
        emit_json(told)
    else:
        click.echo(
            f"The desk of {city.name} is open at {server.url} ({told['parcels']:,} parcels, profile {profile}). Ctrl-C ends it."
        )
    click.get_text_stream("stdout").flush()
    if not no_open:
        webbrowser.open(server.url)
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        note("The desk is closed.", quiet=quiet)
    finally:
        room.close()
        server.server_close()
