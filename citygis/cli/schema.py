"""`citygis schema`: the City's layers, their fields and domains."""

import click

from citygis.cli.options import city_option, emit_json, json_option, open_city_option, table


@click.command()
@click.argument("layers", nargs=-1, metavar="[LAYER]...")
@click.option("--markdown", is_flag=True, help="Print the data dictionary as Markdown.")
@city_option
@json_option
def command(layers: tuple[str, ...], markdown: bool, city_folder: str | None, as_json: bool) -> None:
    """
    The City's layers, their fields and domains.

    \b
    Example:
      citygis schema                               the layers
      citygis schema parcel                        the fields of one
      citygis schema --markdown > dictionary.md    the data dictionary
    """
    from citygis.schema import data_dictionary

    schema = open_city_option(city_folder).schema
    chosen = {name: schema.layer(name) for name in layers} if layers else schema.layers
    if markdown:
        click.echo(data_dictionary(schema, layers=list(chosen)), nl=False)
    elif as_json:
        emit_json({"version": schema.version, "layers": {name: layer.model_dump(mode="json") for name, layer in chosen.items()}})
    elif not layers:
        rows = [
            (name, layer.geometry, ", ".join(layer.key), len(layer.fields), layer.description) for name, layer in chosen.items()
        ]
        table(rows, ["layer", "geometry", "key", "fields", "what it holds"], title=f"City schema, version {schema.version}")
    else:
        for name, layer in chosen.items():
            rows = [
                (
                    field.name,
                    f"{field.type}({field.length})" if field.length else field.type,
                    "yes" if field.required else None,
                    field.filled_by,
                    ", ".join(field.domain) if field.domain else None,
                    field.description,
                )
                for field in layer.fields
            ]
            table(rows, ["field", "type", "required", "filled by", "domain", "meaning"], title=f"{name}: {layer.description}")
