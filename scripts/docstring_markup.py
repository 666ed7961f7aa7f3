"""
What docstrings write in reStructuredText, made plain for a site that reads Markdown (an extension of griffe, used by mkdocs.yml).
"""

import re

try:
    from griffe import Extension
except ModuleNotFoundError:  # pages without mkdocstrings are written all the same
    Extension = object


class PlainMarkup(Extension):
    """Every docstring, before it is read."""

    def on_instance(self, *, obj, **_) -> None:
        """Called by griffe for each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = mended_docstring(obj.docstring.value)


def mended_docstring(text: str) -> str:
    """
    The parts of reStructuredText that Markdown reads otherwise, made plain.

    A simple table (rules of ``====``) becomes a block of text, and so does what is indented after ``::``. The rest is left.
    """
    lines, made, n = text.splitlines(), [], 0
    while n < len(lines):
        line = lines[n]
        indent = re.match(r"\s*", line)[0]
        if re.fullmatch(r"\s*=+( +=+)+\s*", line):
            rules = [k for k in range(n, len(lines)) if re.fullmatch(r"\s*=+( +=+)+\s*", lines[k])]
            last = rules[-1] if len(rules) > 1 else n
            body = [row for k, row in enumerate(lines[n : last + 1], n) if k not in rules]
            made += [f"{indent}```text", *body, f"{indent}```"]
            n = last + 1
            continue
        if line.rstrip().endswith("::"):
            words = line.rstrip()[:-2].rstrip()
            made.append(f"{words}:" if words.strip() else "")
            n += 1
            block = []
            while n < len(lines) and (not lines[n].strip() or len(re.match(r"\s*", lines[n])[0]) > len(indent)):
                block.append(lines[n])
                n += 1
            while block and not block[-1].strip():
                block.pop()
            while block and not block[0].strip():
                block.pop(0)
            made += ["", f"{indent}```text", *block, f"{indent}```", ""]
            continue
        made.append(line)
        n += 1
    return "\n".join(made)
