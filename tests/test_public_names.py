"""What is public: every name is there, documented, typed and reachable from a fresh interpreter."""

import importlib
import importlib.util
import inspect
import pkgutil
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT

import citygis

SINGLE = ("city", "errors", "findings", "packaged", "publish", "settings", "units")
FRONT_DOORS = sorted(
    f"citygis.{each.name}"
    for each in pkgutil.iter_modules(citygis.__path__)
    if (each.ispkg or each.name in SINGLE) and each.name != "cli"
)


def public(door: str) -> dict[str, object]:
    """The names of a front door: its ``__all__``, else functions and classes that are defined in it."""
    module = importlib.import_module(door)
    if hasattr(module, "__all__"):
        return {name: getattr(module, name) for name in module.__all__}
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", None) == door
    }


def functions(names: dict[str, object]) -> dict[str, object]:
    """Functions, and the public methods of classes that are ours."""
    found = {}
    for name, value in names.items():
        if inspect.isfunction(value):
            found[name] = value
        elif inspect.isclass(value) and value.__module__.startswith("citygis"):
            for method, each in vars(value).items():
                each = each.__func__ if isinstance(each, classmethod | staticmethod) else each
                if inspect.isfunction(each) and not method.startswith("_") and each.__module__.startswith("citygis"):
                    found[f"{name}.{method}"] = each
    return found


@pytest.mark.parametrize("door", FRONT_DOORS)
def test_every_public_function_has_a_whole_annotated_signature(door):
    lacking = {}
    for name, function in functions(public(door)).items():
        signature = inspect.signature(function)
        bare = [
            each.name
            for each in signature.parameters.values()
            if each.annotation is each.empty and each.name not in ("self", "cls")
        ]
        if signature.return_annotation is signature.empty:
            bare.append("return")
        if bare:
            lacking[name] = bare
    assert not lacking


@pytest.mark.parametrize("door", FRONT_DOORS)
def test_every_public_function_and_class_is_documented(door):
    names = {name: value for name, value in public(door).items() if inspect.isfunction(value) or inspect.isclass(value)}
    assert [name for name, value in names.items() if not (value.__doc__ or "").strip()] == []


@pytest.mark.parametrize("door", FRONT_DOORS)
def test_a_list_of_public_names_is_in_order_and_repeats_none(door):
    listed = getattr(importlib.import_module(door), "__all__", [])
    assert len(listed) == len(set(listed))


def test_every_name_of_citygis_is_there_in_a_fresh_interpreter():
    code = "import citygis; missing = [n for n in citygis.__all__ if not hasattr(citygis, n)]; assert not missing, missing"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "citygis" / "py.typed").is_file()


def test_version_and_licence_of_the_citation_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {citygis.__version__}\n" in citation
    assert f"\nlicense: {project['license']}\n" in citation


def test_a_wheel_holds_what_the_program_reads():
    hatchling = importlib.util.find_spec("hatchling")
    if hatchling is None:
        pytest.skip("hatchling is not installed; scripts/check_wheel.py builds the wheel and looks")
    from hatchling.builders.wheel import WheelBuilder

    names = {file.distribution_path.replace("\\", "/") for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    spec = importlib.util.spec_from_file_location("check_wheel", ROOT / "scripts" / "check_wheel.py")
    check_wheel = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check_wheel)
    for need in check_wheel.NEEDED:
        assert any(name == need or (need.endswith("/") and name.startswith(need)) for name in names), need


def test_every_lower_bound_of_the_dependencies_is_stated():
    spec = importlib.util.spec_from_file_location("check_wheel", ROOT / "scripts" / "check_wheel.py")
    check_wheel = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check_wheel)
    bounds = check_wheel.lower_bounds(ROOT / "pyproject.toml")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert len(bounds) == len(project["dependencies"]) and all("==" in line for line in bounds)


def test_a_dependency_without_a_lower_bound_is_refused(tmp_path):
    spec = importlib.util.spec_from_file_location("check_wheel", ROOT / "scripts" / "check_wheel.py")
    check_wheel = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(check_wheel)
    path = tmp_path / "pyproject.toml"
    path.write_text('[project]\ndependencies = ["numpy"]\n')
    with pytest.raises(ValueError, match="numpy"):
        check_wheel.lower_bounds(path)
