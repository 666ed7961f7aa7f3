"""
The generated pages of the documentation, written into docs/generated/ before mkdocs reads it (a hook of mkdocs.yml).

Departments' questions, the command line, the Python names, the data dictionary, the codes, the notebooks, DESIGN.md and
CHANGELOG.md: each from what the program itself says, so that no page can say anything else. ``python scripts/make_docs.py`` writes
the pages alone.
"""

import importlib
import inspect
import json
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from docstring_markup import mended_docstring

ROOT = Path(__file__).parents[1]
GENERATED = ROOT / "docs" / "generated"
REPOSITORY_FILES = ("README.md", "CONTRIBUTING.md", "LICENSE", "sample_data/README.md")
"""Files that DESIGN.md and CHANGELOG.md may name and that are not on the site; links to them become plain words."""

FRONT_DOORS = (
    "citygis", "citygis.city", "citygis.errors", "citygis.findings", "citygis.units", "citygis.settings", "citygis.publish",
    "citygis.schema", "citygis.geodesy", "citygis.readers", "citygis.readers.deed", "citygis.convert", "citygis.cogo",
    "citygis.linework", "citygis.exports", "citygis.tracts", "citygis.captures", "citygis.scans", "citygis.topology",
    "citygis.quality", "citygis.repairs", "citygis.changes", "citygis.operations", "citygis.store", "citygis.gpkg",
    "citygis.reports", "citygis.sheets", "citygis.analysis", "citygis.sync", "citygis.rehearsal", "citygis.jobs", "citygis.scale",
    "citygis.samples",
)  # fmt: skip
"""What has a page of Python names, in the order of the site."""


def pages() -> dict[str, str]:
    """Every generated page: its path below docs/generated/ and its Markdown."""
    made = {
        "questions.md": questions_page(),
        "dictionary.md": dictionary_page(),
        "design.md": _of_the_checkout("DESIGN.md"),
        "changelog.md": _of_the_checkout("CHANGELOG.md"),
    }
    return made | command_pages() | code_pages() | python_pages() | notebook_pages()


def write(folder: Path = GENERATED) -> list[str]:
    """Write what has changed, take away what is no longer made; the paths of all pages, in their order."""
    made = pages()
    for name, text in made.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    for path in folder.rglob("*.md"):
        if path.relative_to(folder).as_posix() not in made:
            path.unlink()
    return list(made)


def on_config(config: Any, **_: object) -> Any:
    """Called by mkdocs: the pages are written, and ``generated/NAME/*`` in the navigation becomes the pages of that folder."""
    made = write(Path(config.docs_dir) / "generated")
    config.nav = _expanded(config.nav, made)
    return config


# --- questions, dictionary --------------------------------------------------------------------------------------------------------


def questions_page() -> str:
    """Every question of the departments: what it answers, what it needs, what it asks for."""
    from citygis.analysis.questions import questions

    by_department: dict[str, list] = {}
    for each in questions().values():
        by_department.setdefault(each.department, []).append(each)
    lines = [
        "# Questions of departments",
        "",
        "Each is a command, `citygis analyze NAME`, and a function of `cg.analysis`. An option in bold must be given; the layers in"
        " italics are used where the City has them.",
        "",
        "| asked by | question | answers |",
        "|---|---|---|",
    ]
    for department, asked in by_department.items():
        lines += [f"| {department} | [`{each.name}`](#{each.name}) | {_cell(each.summary)} |" for each in asked]
    for department, asked in by_department.items():
        lines += ["", f"## {department}", ""]
        for each in asked:
            layers = [*(f"`{name}`" for name in each.layers), *(f"*{name}*" for name in each.optional.values())]
            lines += [f"### {each.name} {{#{each.name}}}", "", each.summary, ""]
            lines += [f"Function: `cg.analysis.{each.answer.__name__}`. Layers: {', '.join(dict.fromkeys(layers)) or 'none'}.", ""]
            if each.parameters:
                lines += ["| option | what it is |", "|---|---|", *map(_asked, each.parameters)]
            lines.append("")
    return "\n".join(lines)


def _asked(parameter: Any) -> str:
    name = f"`--{(parameter.option or parameter.name).replace('_', '-')}`"
    return f"| {f'**{name}**' if parameter.required else name} | {_cell(_escaped(parameter.help))} |"


def dictionary_page() -> str:
    """The schema: every layer, field and domain."""
    from citygis.schema import schema
    from citygis.schema.dictionary import data_dictionary

    intro = "`citygis schema` prints the same on the terminal. The layers are `citygis/schema/layers/*.toml`."
    head, _, rest = data_dictionary(schema()).partition("\n")
    return f"{head}\n\n{intro}\n{rest}"


# --- command line -----------------------------------------------------------------------------------------------------------------


def command_pages() -> dict[str, str]:
    """An index of the commands, and a page for each."""
    from citygis.cli import COMMANDS, main

    context = click.Context(main, info_name="citygis")
    made: dict[str, str] = {}
    index = [
        "# Command line",
        "",
        "Results go to standard output, as a table or with `--json` as JSON; progress and remarks go to standard error. Nothing is"
        " overwritten without `--overwrite`, and what acts on the City says first what it would do.",
        "",
        "| exit code | means |",
        "|---|---|",
        "| 0 | done and clean |",
        "| 1 | done, with errors found, conflicts, or rows that were refused |",
        "| 2 | wrong usage |",
        "| 3 | refused, and nothing changed |",
        "",
        "| command | what it does |",
        "|---|---|",
    ]
    for name in COMMANDS:
        command = main.get_command(context, name)
        made[f"commands/{name}.md"] = _command_page(command, name, context)
        index.append(f"| [`citygis {name}`]({name}.md) | {_cell(_sentence(command.help or ''))} |")
    return {"commands/index.md": "\n".join(index) + "\n"} | made


def _command_page(command: click.Command, name: str, parent: click.Context) -> str:
    context = click.Context(command, info_name=name, parent=parent)
    lines = [f"# citygis {name}", "", *_command_lines(command, context)]
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            child = command.get_command(context, below)
            if child is not None and not child.hidden:
                inner = click.Context(child, info_name=below, parent=context)
                lines += ["", f"## citygis {name} {below}", "", *_command_lines(child, inner)]
    return "\n".join(lines) + "\n"


def _command_lines(command: click.Command, context: click.Context) -> list[str]:
    usage = command.get_usage(context).removeprefix("Usage: ")
    lines = ["```text", re.sub(r"\s+", " ", usage), "```", ""]
    for block in inspect.cleandoc(command.help or "").replace("\f", "").split("\n\n"):
        is_laid_out = block.startswith("\b")
        block = block.removeprefix("\b\n").removeprefix("\b")
        if is_laid_out or block.startswith("Example"):
            title, _, rest = block.partition("\n")
            lines += [f"**{title.rstrip(':')}**", "", "```text", inspect.cleandoc(rest), "```", ""]
        else:
            lines += [_escaped(re.sub(r"\s+", " ", block)), ""]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        lines += ["| option | what it is |", "|---|---|"]
        for each in options:
            record = each.get_help_record(context)
            if record is not None:
                lines.append(f"| `{record[0].replace('|', chr(92) + '|')}` | {_cell(_escaped(record[1]))} |")
    return lines


# --- codes ------------------------------------------------------------------------------------------------------------------------


def code_table() -> dict[str, list[dict]]:
    """
    What is told of every code: a list, because a code of the catalogue may have several rules.

    Each has ``name`` (the rule, "" outside the catalogue), ``means``, ``why``, ``do``, ``severity``, ``limits`` and ``source``.
    """
    from citygis.quality.rules import CATALOGUE
    from citygis.sync.codes import all_codes

    written = tomllib.loads((ROOT / "docs" / "codes.toml").read_text(encoding="utf-8"))["codes"]
    table: dict[str, list[dict]] = {}
    for (code, name), rule in CATALOGUE.items():
        limits = [f"tolerance {rule.tolerance:g} {rule.unit or ''}".strip()] if rule.tolerance is not None else []
        limits += [f"limit {rule.limit:g}"] if rule.limit is not None else []
        entry = {"name": name, "means": rule.title + ".", "why": written.get(code, {}).get("why", ""), "do": rule.remedy}
        table.setdefault(code, []).append(
            entry | {"severity": rule.severity, "limits": "; ".join(limits), "source": rule.reference}
        )
    for code, each in all_codes().items():
        entry = {"name": "", "means": f"{each.title}.", "why": each.meaning, "do": each.remedy, "severity": each.kind}
        table[code] = [entry | {"limits": "", "source": ""}]
    for code, said in written.items():
        if code not in table:
            table[code] = [{"name": "", "severity": "", "limits": "", "source": "", **said}]
    return dict(sorted(table.items()))


def code_pages() -> dict[str, str]:
    """An index of all codes with the errors that are raised, and a page for each letter."""
    families = tomllib.loads((ROOT / "docs" / "codes.toml").read_text(encoding="utf-8"))["families"]
    table = code_table()
    made: dict[str, str] = {}
    index = [
        "# Codes",
        "",
        "What is wrong with the data is a finding with a code; it never stops a program. `error` blocks a load until it is"
        " corrected or accepted with a reason, `review` asks a person to look, `info` is told. What stops a program is raised as"
        " an error: its message says what, where and what to do, and the exit code is 3.",
        "",
    ]
    for letter, family in families.items():
        codes = {code: told for code, told in table.items() if code[0] == letter}
        page = [f"# {letter}: {family['title']}", "", family["told"], ""]
        index += [f"## [{letter}: {family['title']}]({letter}.md)", "", "| code | means |", "|---|---|"]
        for code, told in codes.items():
            index.append(
                f"| [{code}]({letter}.md#{code.lower()}) | {_cell(' '.join(dict.fromkeys(each['means'] for each in told)))} |"
            )
            page += [f"## {code} {{#{code.lower()}}}", ""]
            why = told[0]["why"]
            for n, each in enumerate(told):
                named = ", ".join(part for part in (f"`{each['name']}`" if each["name"] else "", each["severity"]) if part)
                named = f"{named}. " if named else ""
                page += [f"{named}**{_escaped(each['means'])}**" + (f" {_escaped(why)}" if n == 0 and why else ""), ""]
                page += [f"What to do: {_escaped(each['do'])}", ""]
                more = "; ".join(part for part in (each["limits"], _escaped(each["source"])) if part)
                page += [f"<small>{more[0].upper()}{more[1:]}</small>", ""] if more else []
        made[f"codes/{letter}.md"] = "\n".join(page)
        index.append("")
    return {"codes/index.md": "\n".join([*index, *_error_lines()])} | made


def _error_lines() -> list[str]:
    from citygis import errors

    lines = ["## Errors that are raised", "", "| error | means |", "|---|---|"]
    for name, each in vars(errors).items():
        if inspect.isclass(each) and issubclass(each, errors.CityGISError):
            lines.append(f"| `{name}` | {_cell(_sentence(inspect.getdoc(each) or ''))} |")
    return [*lines, "", 'A wrong argument is a plain `ValueError`, "Invalid ... Must ...".', ""]


# --- Python names, notebooks, files of the checkout -------------------------------------------------------------------------------


def public_names(module: ModuleType) -> list[str]:
    """Functions, classes and constants that a front door offers: its ``__all__``, else what is defined in it without ``_``."""
    if hasattr(module, "__all__"):
        return [name for name in module.__all__ if not inspect.ismodule(getattr(module, name))]
    names = []
    for name, value in vars(module).items():
        if name.startswith("_") or not (inspect.isfunction(value) or inspect.isclass(value)):
            continue
        if value.__module__ == module.__name__:
            names.append(name)
    return names


def python_pages() -> dict[str, str]:
    """A page for each front door, from its docstrings."""
    made: dict[str, str] = {}
    index = ["# Python", "", "Plain frames in, plain frames out. Each page lists what one room of the house offers.", ""]
    for door in FRONT_DOORS:
        module = importlib.import_module(door)
        names = public_names(module)
        if door == "citygis.analysis":
            names = sorted({*names, *module.HOME})
        names = sorted(names, key=str.isupper)  # constants after what uses them
        title = door if door == "citygis" else door.removeprefix("citygis.")
        lines = [f"# {title}", ""]
        lines += [mended_docstring(inspect.getdoc(module) or ""), ""]
        for name in names:
            lines += [f"## {name} {{#{door}.{name}}}", "", *_reference(module, door, name), ""]
        made[f"python/{title}.md"] = "\n".join(lines)
        index.append(f"- [{title}]({title}.md): {_escaped(_sentence(inspect.getdoc(module) or ''))}")
    return {"python/index.md": "\n".join(index) + "\n"} | made


def _reference(module: ModuleType, door: str, name: str) -> list[str]:
    value = getattr(module, name)
    if inspect.ismodule(value) or (door == "citygis" and name in ("convert", "store")):
        return [f"`citygis.{name}` is a package and a verb: see [{name}]({name}.md)."]
    if inspect.isfunction(value) or inspect.isclass(value):
        fields = []
        if inspect.isclass(value) and issubclass(value, tuple) and hasattr(value, "_fields"):
            told = "\n".join(f"    {line}," for line in map(str, inspect.signature(value).parameters.values()))
            fields = ["```text", f"{name}(", told, ")", "```", ""]
        return [*fields, f"::: {value.__module__}.{value.__qualname__}", "    options:", "      show_root_heading: false"]
    return [f"::: {door}.{name}", "    options:", "      show_root_heading: false"]


def notebook_pages() -> dict[str, str]:
    """The notebooks as pages: words and code, without output."""
    made: dict[str, str] = {}
    index = ["# Notebooks", "", "One for each task of the office. They run from top to bottom, offline, on the sample city.", ""]
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:
            continue
        lines = []
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            lines += [source, ""] if cell["cell_type"] == "markdown" else ["```python", source, "```", ""]
        text = "\n".join(lines)
        title = re.search(r"^# (.+)$", text, flags=re.MULTILINE)
        made[f"notebooks/{path.stem}.md"] = _without_links(text)
        index.append(f"- [{title[1] if title else path.stem}]({path.stem}.md)")
    return {"notebooks/index.md": "\n".join(index) + "\n"} | made


def _of_the_checkout(name: str) -> str:
    return _without_links((ROOT / name).read_text(encoding="utf-8"))


def _without_links(text: str) -> str:
    """Links to files of the checkout as plain words: the site has no such pages."""
    return re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)[^)]+\)", r"\1", text)


def _expanded(nav: list, made: Iterable[str]) -> list:
    """The navigation, where ``generated/NAME/*`` stands for every page of the folder."""
    out = []
    for item in nav:
        if isinstance(item, dict):
            ((title, value),) = item.items()
            if isinstance(value, str) and value.endswith("/*"):
                folder = value.removeprefix("generated/")[:-1]
                out.append({title: [f"generated/{name}" for name in made if name.startswith(folder)]})
            else:
                out.append({title: _expanded(value, made) if isinstance(value, list) else value})
        else:
            out.append(item)
    return out


def _sentence(text: str) -> str:
    paragraph = re.sub(r"\s+", " ", inspect.cleandoc(text).replace("\b", "").split("\n\n")[0]).strip()
    return paragraph


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", r"\|").strip()


def _escaped(text: str) -> str:
    """Angle brackets and stars of plain text, kept from being markup."""
    return text.replace("<", "&lt;").replace("*", r"\*")


if __name__ == "__main__":
    print(f"{len(write())} pages in {GENERATED.relative_to(ROOT)}")
