"""The data dictionary: the schema as a page of Markdown."""

from citygis.schema.model import Field, Layer, Schema


def data_dictionary(schema: Schema, *, layers: list[str] | None = None) -> str:
    """
    The schema as Markdown.

    Parameters
    ----------
    schema : Schema
    layers : list of str, optional
        Only these layers.

    Returns
    -------
    str
        A heading and a table for each layer, the domains below it.
    """
    chosen = [schema.layer(name) for name in layers] if layers else list(schema.layers.values())
    return "\n\n".join([f"# Data dictionary, schema version {schema.version}", *(_section(layer) for layer in chosen)]) + "\n"


def _section(layer: Layer) -> str:
    about = f"{layer.description} Geometry: {layer.geometry}. Key: {', '.join(layer.key)}."
    if layer.restricted:
        about += " **Restricted: never leaves the City.**"
    if layer.reference:
        about += f" Source: {layer.reference}."
    rows = [
        "| field | type | required | filled by | meaning |",
        "|---|---|---|---|---|",
        *(_row(field) for field in layer.fields),
    ]
    domains = [
        f"`{field.name}`: " + ", ".join(f"{code} ({label})" for code, label in field.domain.items())
        for field in layer.fields
        if field.domain
    ]
    return "\n\n".join([f"## {layer.layer}: {layer.title}", about, "\n".join(rows), *domains])


def _row(field: Field) -> str:
    kind = f"{field.type}({field.length})" if field.length else field.type
    meaning = field.description or field.title
    if field.unit:
        meaning = f"{meaning} ({field.unit})".strip()
    if field.reference:
        meaning = f"{meaning} → {field.reference}".strip()
    return (
        f"| {field.name} | {kind} | {'yes' if field.required else ''} | {field.filled_by} | {meaning.replace('|', chr(92) + '|')} |"
    )
