"""The house rules that a machine can hold: who imports whom, what importing costs, and that the lists of dependencies agree."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT

PACKAGE = ROOT / "citygis"

# From the top down. A module may import from its own room and from any line below its own.
ORDER = [
    ["cli"],
    ["doctor"],
    ["desk"],
    ["jobs"],
    ["samples"],
    ["analysis"],
    ["sheets"],
    ["sync", "rehearsal"],
    ["reports", "scale"],
    ["store"],
    ["operations"],
    ["changes", "repairs"],
    ["quality"],
    ["captures", "tracts", "scans"],
    ["convert", "linework", "exports"],
    ["topology"],
    ["readers"],
    ["gpkg"],
    ["city"],
    ["schema", "cogo"],
    ["geodesy"],
    ["publish", "lock", "settings", "findings", "units", "packaged", "environment"],
    ["errors"],
]
LEVEL = {room: level for level, line in enumerate(ORDER) for room in line}


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py") if "_data" not in path.parts)


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path):
    """Rooms of citygis that a module imports, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module] if node.module != "citygis" else [f"citygis.{alias.name}" for alias in node.names]
        for name in names:
            if name.startswith("citygis.") and not name.startswith("citygis.__"):
                yield name.split(".")[1]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_imports_downward_only(path):
    room = room_of(path)
    if room == "__init__":
        return  # the front door names everything, lazily
    assert room in LEVEL, f"{room} is not in the table of rooms: give it a line"
    for other in imported_rooms(path):
        allowed = other == room or LEVEL[other] > LEVEL[room]
        assert allowed, f"{path.relative_to(ROOT)} imports citygis.{other}, which is not below citygis.{room}"


def test_every_module_and_public_name_is_documented():
    bare = []
    for path in modules():
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree):
            bare.append(str(path.relative_to(ROOT)))
        for node in tree.body:
            is_public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
            if is_public and not ast.get_docstring(node):
                bare.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert not bare


def test_front_doors_list_names_that_exist():
    code = """
import importlib, pathlib, sys
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if (folder / "__init__.py").exists():
        module = importlib.import_module("citygis." + folder.name)
        for name in getattr(module, "__all__", ()):
            getattr(module, name)
import citygis
for name in citygis.__all__:
    assert callable(getattr(citygis, name)), name
"""
    subprocess.run([sys.executable, "-c", code, str(PACKAGE)], check=True)


HEAVY = {"geopandas", "pandas", "numpy", "shapely", "pydantic", "matplotlib"}


def test_importing_citygis_pulls_in_nothing_heavy():
    code = "import sys, citygis; print(*{name.split('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not HEAVY & set(result.stdout.split())


def test_help_of_every_command_pulls_in_nothing_heavy_and_shows_an_example():
    code = """
import sys
from click.testing import CliRunner
from citygis.cli import COMMANDS, main
runner = CliRunner()
assert runner.invoke(main, ["--help"]).exit_code == 0
for name in COMMANDS:
    result = runner.invoke(main, [name, "--help"])
    assert result.exit_code == 0, (name, result.output)
    assert "Example:" in result.output, name
print(*{name.split(".")[0] for name in sys.modules})
"""
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not HEAVY & set(result.stdout.split())


def test_no_module_writes_over_a_path_in_place():
    # to_file drops an existing layer before it writes; whole files go through citygis.publish, the store through a transaction.
    writers = re.compile(r"\.to_file\(|\.to_parquet\(|write_dataframe\(|\.to_csv\(\s*[a-z_]*path|\.write_text\(|\.write_bytes\(")
    allowed = {"publish.py", "samples"}
    for path in modules():
        if allowed & set(path.relative_to(PACKAGE).parts):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if writers.search(line):
                assert "temporary" in line, (
                    f"{path.relative_to(ROOT)}:{number} writes to a path that is not a temporary one: {line.strip()}"
                )


def test_modules_stay_small():
    long = {str(p.relative_to(ROOT)): n for p in modules() if (n := len(p.read_text().splitlines())) > 500}
    assert not long, "perhaps two nouns each"


# --- the lists of dependencies -----------------------------------------------------------------------------------------------

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"matplotlib": "matplotlib-base"}


def requirement(text):
    name, constraint = re.match(r"([A-Za-z0-9_.-]+)(?:\[[a-z,]*\])?(.*)", text.strip()).groups()
    return name.lower(), constraint.replace(" ", "")


def conda_requirements():
    lines = (ROOT / "environment.yml").read_text().splitlines()
    return dict(requirement(line.split("#")[0].strip()[2:]) for line in lines if re.match(r"  - [a-z]", line) and ":" not in line)


def test_conda_and_pip_ask_for_the_same_packages():
    wanted = {}
    extras = PROJECT["optional-dependencies"]
    for text in (*PROJECT["dependencies"], *extras["test"], *extras["notebooks"]):
        name, constraint = requirement(text)
        wanted[CONDA_NAMES.get(name, name)] = constraint
    listed = conda_requirements()
    assert listed.pop("python") == PROJECT["requires-python"]
    listed.pop("pip")
    channels = {"conda-forge", "nodefaults"}
    assert {name: c for name, c in listed.items() if name not in channels} == wanted


def test_constraints_pin_what_draws_the_notebooks_maps():
    pinned = (ROOT / "constraints.txt").read_text()
    assert all(re.search(rf"^{name}==", pinned, re.MULTILINE) for name in ("folium", "mapclassify"))


def test_constraints_pin_every_dependency_and_name_no_index():
    text = (ROOT / "constraints.txt").read_text()
    assert "://" not in text and "--" not in text
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in text.splitlines() if line and not line.startswith("#")}
    asked = {requirement(t)[0] for t in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"])}
    assert asked <= pinned


def test_pandas_stays_where_the_arcgis_package_works():
    # arcgis 2.4.4 loses its DataFrame accessor, without a word, on pandas 3.1.
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert pins["pandas"].startswith("3.0.")
    assert "pandas>=3.0,<3.1" in PROJECT["optional-dependencies"]["arcgis"]


def imported_packages():
    """Top-level names that the library imports, its own and the standard library's left out, as the package index calls them."""
    names = set()
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return {_PACKAGE_OF.get(name, name.lower()) for name in names - set(sys.stdlib_module_names) - {"citygis"}}


_PACKAGE_OF = {"PIL": "pillow"}


def test_what_is_imported_is_asked_for_and_what_is_asked_for_is_imported():
    asked = {requirement(text)[0] for text in PROJECT["dependencies"]}
    extras = PROJECT["optional-dependencies"]
    imported = ("analysis", "arcgis", "cluster", "dwg", "postgis", "spark")
    optional = {requirement(text)[0] for name in imported for text in extras[name]}
    assert imported_packages() - (optional - asked) == asked


def test_tracked_files_name_no_machine_path():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    for name in files:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".yml", ".ipynb"} and path.is_file() and not name.startswith("tests/"):
            assert not re.search(r"(?<![\w.])/(home|root|tmp|work|Users)/", path.read_text()), name
