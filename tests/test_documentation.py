"""Every block of code in README and docs runs, every link leads somewhere, and the site builds without a warning."""

import contextlib
import importlib.util
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from conftest import REQUIRE_ALL, ROOT
from docs_script import make_docs

from citygis.cli import main

PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "generated" not in path.parts)]
SHELL = ("console", "bash", "sh", "shell")
NOT_CODE = ("", "text", "pycon", "mermaid", "ini", "xml", "powershell", "csv", "markdown", "html", "systemd", "sql", "diff")
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->")
MOST_NOT_RUN = 14
"""Blocks that say why they are not run. Few: a page that cannot be tried is not believed."""


class Block(NamedTuple):
    """A fenced block: its language, its text, its first line's number, and why it is not run."""

    language: str
    text: str
    line: int
    reason: str | None


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page, in order. A block may be kept from running by an HTML comment on the line before it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found, n = [], 0
    while n < len(lines):
        opening = re.match(r"^(\s*)(```+|~~~+)\s*([\w+-]*)", lines[n])
        if not opening:
            n += 1
            continue
        start, fence = n + 1, opening[2]
        n = start
        while n < len(lines) and not lines[n].strip().startswith(fence):
            n += 1
        before = next((line for line in reversed(lines[: start - 1]) if line.strip()), "")
        said = NOT_RUN.search(before)
        text = "\n".join(line.removeprefix(opening[1]) for line in lines[start:n])
        found.append(Block(opening[3], text, start + 1, said[1] if said else None))
        n += 1
    return found


def commands(text: str) -> list[tuple[str, bool]]:
    """The lines of a shell block, continued ones joined; each with whether its comment says that it is refused."""
    joined = re.sub(r"\\\n\s*", " ", text)
    told = []
    for line in joined.splitlines():
        line = line.strip().removeprefix("$ ")
        if line and not line.startswith("#"):
            told.append((line, bool(re.search(r"#.*\brefused\b", line))))
    return told


def is_shell(block: Block) -> bool:
    """Whether a block is commands: by its language, or without one by its first word."""
    first = block.text.strip().removeprefix("$ ").split(maxsplit=1)[0] if block.text.strip() else ""
    return block.language in SHELL or (not block.language and first in ("citygis", "make", "python", "pip", "git"))


@pytest.fixture(scope="session")
def demo_city(tmp_path_factory):
    """The sample city as `citygis demo riverbend` makes it, once for all pages."""
    folder = tmp_path_factory.mktemp("pages") / "riverbend"
    result = CliRunner().invoke(main, ["demo", str(folder), "--quiet"])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def desk(demo_city, tmp_path, monkeypatch):
    """An empty folder with the sample city, the sample data, and the checkout's scripts, where a page's blocks are run."""
    shutil.copytree(demo_city, tmp_path / "riverbend")
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("sample_data", "styles", "notebooks", "docs"):
        (tmp_path / name).symlink_to(ROOT / name, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_block_of_a_page_runs(page, desk):
    names: dict = {"__name__": "__page__"}
    for block in blocks(page):
        if block.reason is not None:
            continue
        where = f"{page.relative_to(ROOT)}, line {block.line}"
        if is_shell(block):
            for line, is_refused in commands(block.text):
                run_line(line, is_refused, where)
        elif block.language == "python" and (named := re.match(r'"""([\w-]+\.py): ', block.text)):
            compile(block.text, named[1], "exec")  # a program of its own, which waits for its input
        elif block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(block.text, where, "exec"), names)
        elif block.language in ("toml", "json"):
            (tomllib.loads if block.language == "toml" else json.loads)(block.text)
            if named := re.match(r"# ([\w./-]+\.toml)\b", block.text):
                path = desk / named[1]
                assert path.resolve().is_relative_to(desk), where
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
        else:
            assert block.language in NOT_CODE, f"{where}: nobody knows how to run {block.language!r}"


def run_line(line: str, is_refused: bool, where: str) -> None:
    """One line of a shell block: a command of citygis, a target of make, a script of the checkout."""
    words = []
    for word in shlex.split(line, comments=True):
        words += sorted(map(str, Path().glob(word))) if word.endswith(("*", "*.parquet")) else [word]
    if words[0] == "citygis":
        if words[1:3] == ["demo", "riverbend"] or words[1:] == ["demo"]:
            assert Path("riverbend/city.toml").is_file(), where  # made once for all pages
            return
        result = CliRunner().invoke(main, words[1:])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise AssertionError(f"{where}: {line}") from result.exception
        expected = (3,) if is_refused else (0, 1)
        assert result.exit_code in expected, f"{where}: {line}\n{result.output[-2000:]}"
    elif words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
        asked = [word for word in words[1:] if "=" not in word]
        assert set(asked) <= set(targets), f"{where}: {line}"
    elif words[0] == "python" and words[1].startswith("scripts/"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, *words[1:]], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, env=environment
        )
        expected = (3,) if is_refused else (0, 1)
        assert done.returncode in expected, f"{where}: {line}\n{(done.stdout + done.stderr)[-2000:]}"
    else:
        raise AssertionError(f"{where}: nobody knows how to run {line!r}; mark the block: <!-- not run: the reason -->")


def test_blocks_that_are_not_run_say_why_and_are_few():
    left = [
        (page.relative_to(ROOT).as_posix(), block.line, block.reason)
        for page in PAGES
        for block in blocks(page)
        if block.reason is not None
    ]
    assert all(len(reason.split()) >= 3 for *_, reason in left), left
    assert len(left) <= MOST_NOT_RUN, "\n".join(map(str, left))


@pytest.fixture(scope="session")
def site_sources(tmp_path_factory):
    """README and docs in a folder of their own, with the generated pages written into it."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("generated"))
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "DESIGN.md", "SECURITY.md", "LICENSE", "Makefile"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("citygis", "styles", "sample_data", "scripts", "notebooks", "tests"):
        (folder / name).symlink_to(ROOT / name, target_is_directory=True)
    make_docs().write(folder / "docs" / "generated")
    return folder


def anchors(text: str) -> set[str]:
    """What a link may name in a page: its headings as slugs, ids that are given, and names of HTML."""
    prose = re.sub(r"^(\s*)(```+)[\s\S]*?^\s*\2", "", text, flags=re.MULTILINE)
    told = set(re.findall(r"\{[^}]*#([\w.-]+)[^}]*\}", prose)) | set(re.findall(r"\b(?:id|name)=\"([^\"]+)\"", prose))
    for heading in re.findall(r"^#+ (.+?)(?:\s*\{.*\})?$", prose, flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", heading)
        told.add(re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower()))
    return told


def test_every_relative_link_and_picture_is_there(site_sources):
    lost = []
    for page in [site_sources / "README.md", *sorted((site_sources / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"^(\s*)(```+)[\s\S]*?^\s*\2", "", text, flags=re.MULTILINE)
        prose = re.sub(r"`[^`\n]*`", "", prose)
        for target in re.findall(r"\]\(\s*<?([^)\s>]+)", prose) + re.findall(r"(?:src|href)=\"([^\"]+)\"", prose):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            path = (page.parent / file).resolve() if file else page
            if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path.read_text(encoding="utf-8"))):
                lost.append(f"{page.relative_to(site_sources)}: {target}")
    assert not lost, "\n".join(lost)


def test_the_site_builds_without_a_warning_and_needs_no_network(site_sources, tmp_path):
    for name in ("mkdocs", "material", "mkdocstrings"):
        if importlib.util.find_spec(name) is None:
            pytest.fail(f"{name} is not installed") if REQUIRE_ALL else pytest.skip("the extra docs is not installed")
    shutil.copy(ROOT / "mkdocs.yml", site_sources / "mkdocs.yml")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(words, cwd=site_sources, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    for page in (tmp_path / "site").rglob("*.html"):
        fetched = re.findall(
            r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?(https?://[^\" >]+)", page.read_text(encoding="utf-8")
        )
        assert not fetched, f"{page.name}: {fetched}"


def test_every_command_has_a_page_with_its_example():
    from citygis.cli import COMMANDS

    pages = make_docs().command_pages()
    for name in COMMANDS:
        assert "**Example**" in pages[f"commands/{name}.md"], name
