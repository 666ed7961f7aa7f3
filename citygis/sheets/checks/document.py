"""
The file around its pages: layers, what a print dialogue does with it, words and furniture, sheet numbers, and nothing that acts.
"""

import re
from collections.abc import Iterator

import pikepdf

from citygis.sheets.checks.check import Asked, Check, Seen, some

_SHEET_NUMBER = re.compile(r"(?:sheet(?:\s+no\.?)?\s*:?\s*)?([A-Z]{0,2}-?\d{1,4})\s+of\s+(\d{1,4})", re.IGNORECASE)

_ACTS = ("/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/RichMediaExecute", "/GoToE", "/Movie", "/Rendition")

_MAX_OBJECTS = 300_000

_FURNITURE_WORDS = {
    "legend": r"legend",
    "key_map": r"key\s+map",
    "vicinity_map": r"vicinity\s+map",
    "sheet_numbers": r"\b([a-z]{1,2}-?)?\d+\s+of\s+\d+\b",
    "adjoining": r"adjoin|match\s*line|see\s+sheet|sheet\s+\d+\s+of\s+\d+",
    "revision_block": r"revision",
    "sign_off": r"sign|approved|reviewed|prepared|checked",
    "recording_block": r"recorder|filed|recorded",
    "disclaimer": r"disclaim|not\s+a\s+(legal|survey)|warrant|datum",
    "title_block": r"\btitle\b|\bsheet\b|\bdrawn\s+by\b",
}
"""Words that tell of furniture where no layer does."""


def document_checks(pdf: pikepdf.Pdf, pages: list[Seen], asked: Asked) -> list[Check]:
    """What is of the whole file."""
    made_here = pages[0].made_here
    count = len(pages)
    checks = [
        Check("pages", asked.pages in (None, count), str(count), str(asked.pages) if asked.pages is not None else "any"),
        _check("PDF version", "1.3" <= pdf.pdf_version <= "2.0", pdf.pdf_version, "1.3 to 2.0"),
        _check("encryption", not pdf.is_encrypted, "encrypted, opens without a password" if pdf.is_encrypted else "none", "none"),
        *_layers(pdf, pages, asked),
        _print_scaling(pdf),
        _title(pdf, must=made_here or asked.profile is not None),
        _acts(pdf),
        _attachments(pdf),
        *(_annotations(seen) for seen in pages),
        *_sheet_numbers(pages, asked),
    ]
    if asked.profile:
        checks += [*_words(pages, asked), *_furniture(pages, asked)]
    return checks


def layer_names(pdf: pikepdf.Pdf) -> tuple[str, ...]:
    """The names of a file's layers, in its own order."""
    return tuple(str(group.get("/Name", "")) for group in _groups(pdf))


def _check(name: str, passed: bool, measured: str, expected: str) -> Check:
    return Check(name, bool(passed), measured, expected)


def _skipped(name: str, why: str, expected: str) -> Check:
    return Check(name, True, f"not measurable: {why}", expected, None, True)


def _dictionary(holder: pikepdf.Object, key: str) -> pikepdf.Object:
    found = holder.get(key)
    return found if isinstance(found, pikepdf.Dictionary) else pikepdf.Dictionary()


def _groups(pdf: pikepdf.Pdf) -> list[pikepdf.Object]:
    groups = _dictionary(pdf.Root, "/OCProperties").get("/OCGs")
    return [each for each in groups if isinstance(each, pikepdf.Dictionary)] if isinstance(groups, pikepdf.Array) else []


def _layers(pdf: pikepdf.Pdf, pages: list[Seen], asked: Asked) -> list[Check]:
    names = layer_names(pdf)
    gone = [name for name in asked.layers if name not in names]
    if not names and not asked.layers:
        return [
            _skipped("layers", "the file has no layers", "any"),
            _skipped("no layer empty", "the file has no layers", "none empty"),
        ]
    expected = f"missing: {', '.join(gone)}" if gone else "all there" if asked.layers else "any"
    inked = {
        layer
        for seen in pages
        for frame in (seen.content.paths, seen.content.texts, seen.content.images)
        for layer in frame["layer"]
    }
    empty = [name for name in names if name not in inked]
    order = _dictionary(_dictionary(pdf.Root, "/OCProperties"), "/D").get("/Order")
    listed = set(_ordered(order))
    unlisted = [str(group.get("/Name", "")) for group in _groups(pdf) if group.objgen not in listed]
    return [
        _check("layers", bool(names) and not gone, f"{len(names)}", expected),
        # A group that only holds others is listed, and has no ink of its own in files of other makers.
        _check("no layer empty", not empty, f"empty: {some(empty)}" if empty else f"{len(names)} with ink", "none empty")
        if pages[0].made_here or asked.layers
        else _check(
            "no layer empty", len(empty) < len(names), f"{len(names) - len(empty)} of {len(names)} with ink", "some with ink"
        ),
        _check("order of layers", not unlisted, f"not listed: {some(unlisted)}" if unlisted else "all listed", "all listed"),
    ]


def _ordered(order: pikepdf.Object | None, depth: int = 0) -> Iterator[tuple[int, int]]:
    """The groups of an Order array, nested ones too."""
    if isinstance(order, pikepdf.Array) and depth < 20:
        for each in order:
            yield from _ordered(each, depth + 1)
    elif isinstance(order, pikepdf.Dictionary):
        yield order.objgen


def _print_scaling(pdf: pikepdf.Pdf) -> Check:
    scaling = str(_dictionary(pdf.Root, "/ViewerPreferences").get("/PrintScaling", "not said"))
    return _check("print scaling", scaling == "/None", scaling.lstrip("/"), "None")


def _title(pdf: pikepdf.Pdf, *, must: bool) -> Check:
    title = str(pdf.docinfo.get("/Title", "")).strip()
    return _check("title", bool(title) or not must, title or "none", "a title" if must else "any")


def _actions(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    """Dictionaries that may be actions: those of the catalog and of pages, and every indirect one."""
    yield from _held(pdf.Root, 0)
    for number, each in enumerate(pdf.objects):
        if number >= _MAX_OBJECTS:
            return
        if isinstance(each, pikepdf.Dictionary):
            yield from _held(each, 0)


def _held(holder: pikepdf.Object, depth: int) -> Iterator[pikepdf.Object]:
    """A dictionary and the direct ones within it."""
    yield holder
    for key in holder.keys() if depth < 4 else ():
        value = holder.get(key)
        for each in value if isinstance(value, pikepdf.Array) and len(value) < 100 else (value,):
            if isinstance(each, pikepdf.Dictionary) and not each.is_indirect:
                yield from _held(each, depth + 1)


def _acts(pdf: pikepdf.Pdf) -> Check:
    found = {str(each["/S"]).lstrip("/") for each in _actions(pdf) if str(each.get("/S", "")) in _ACTS}
    if "/JavaScript" in _dictionary(pdf.Root, "/Names"):
        found.add("JavaScript")
    return _check("nothing acts", not found, some(sorted(found)) or "nothing", "no script, no program started, nothing sent")


def _attachments(pdf: pikepdf.Pdf) -> Check:
    names = sorted(pdf.attachments)
    if not names and "/EmbeddedFiles" in _dictionary(pdf.Root, "/Names"):
        names = ["unnamed"] if len(_dictionary(pdf.Root, "/Names")["/EmbeddedFiles"].get("/Names", [])) else []
    return _check("attachments", not names, some(names) or "none", "none")


def _annotations(seen: Seen) -> Check:
    given = seen.page.obj.get("/Annots")
    kinds = (
        [str(each.get("/Subtype", "")).lstrip("/") for each in given if isinstance(each, pikepdf.Dictionary)]
        if isinstance(given, pikepdf.Array)
        else []
    )
    marks = sorted({kind for kind in kinds if kind != "Link"})
    return seen.check("notes on the page", not marks, some(marks) or "none", "none: they may print or not")


def _sheet_numbers(pages: list[Seen], asked: Asked) -> list[Check]:
    name, expected = "sheet number", "sheet n of N, n at most N, each sheet once"
    found = {}
    for seen in pages:
        lines = [*seen.words.splitlines(), *seen.labels.labels["string"]]
        match = next((match for line in lines if (match := _SHEET_NUMBER.fullmatch(line.strip()))), None)
        if match:
            found[seen.number] = (match[1].upper().lstrip("0"), int(match[2]))
    if not found:
        return [_skipped(name, "no line like 2 of 5 was found", expected)]
    # Sheets of an index grid may be A1, A2 ... B1.
    wrong = [f"{n or 0} of {total}" for n, total in found.values() if not n or (n.isdigit() and int(n) > total)]
    numbers = list(found.values())
    wrong += [f"{n} of {total} twice" for n, total in dict.fromkeys(numbers) if numbers.count((n, total)) > 1]
    totals = {total for _, total in numbers}
    wrong += [f"sheets of {' and '.join(map(str, sorted(totals)))}"] if len(totals) > 1 else []
    return [_check(name, not wrong, some(wrong) if wrong else some(f"{n} of {total}" for n, total in numbers), expected)]


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


def _words(pages: list[Seen], asked: Asked) -> list[Check]:
    wanted = [*asked.profile.title_words, *asked.profile.words]
    if not wanted:
        return []
    # Words may be broken anywhere into lines, so that blanks do not count.
    said = "".join(_plain(" ".join(seen.words for seen in pages)).split())
    shown = "".join(_plain(" ".join(string for seen in pages for string in seen.labels.labels["string"])).split())
    gone = [word for word in dict.fromkeys(wanted) if (key := "".join(_plain(word).split())) not in said and key not in shown]
    measured = f"missing: {some((repr(word) for word in gone), 6)}" if gone else f"{len(set(wanted))} found"
    return [_check("required words", not gone, measured, asked.profile.citation or asked.profile.title)]


def _furniture(pages: list[Seen], asked: Asked) -> list[Check]:
    wanted = asked.profile.furniture
    if not wanted:
        return []
    inked = {
        str(layer).lower()
        for seen in pages
        for frame in (seen.content.paths, seen.content.texts)
        for layer in frame["layer"].unique()
    }
    words = " ".join(seen.words for seen in pages)
    gone, unknown = [], []
    for name in wanted:
        title = name.replace("_", " ")
        if title in inked:
            continue
        if name in _FURNITURE_WORDS and re.search(_FURNITURE_WORDS[name], words, re.IGNORECASE):
            continue
        # A north arrow or a seal has no words, and another maker's layers have other names.
        (gone if pages[0].made_here or name in _FURNITURE_WORDS else unknown).append(title)
    expected = some((name.replace("_", " ") for name in wanted), 20)
    measured = f"missing: {some(gone, 6)}" if gone else "all there"
    checks = [_check("required furniture", not gone, measured, expected)]
    if unknown:
        checks.append(_skipped("furniture without words", f"look for {some(unknown, 6)} by eye", expected))
    return checks
