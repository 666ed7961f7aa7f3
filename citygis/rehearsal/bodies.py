"""The parameters of a request, out of its address and its body: form, JSON or multipart."""

import email.parser
import email.policy
import json
from urllib.parse import parse_qsl

from citygis.rehearsal.rules import RequestError


def parameters(query: str, content_type: str, body: bytes) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
    """
    The parameters of a request and its files; those of the body count where both name one.

    Parameters
    ----------
    query : str
        What stands behind the question mark of the address.
    content_type : str
    body : bytes

    Returns
    -------
    form : dict of str to str
    files : dict of str to (str, bytes)
        Name and content of each file by its parameter.

    Raises
    ------
    RequestError
        400 for a body that is not what its type says.
    """
    try:
        form = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=200))
        kind = content_type.partition(";")[0].strip().lower()
        files: dict[str, tuple[str, bytes]] = {}
        if kind == "application/x-www-form-urlencoded":
            form |= parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=200)
        elif kind == "application/json" and body:
            form |= {key: value if isinstance(value, str) else json.dumps(value) for key, value in json.loads(body).items()}
        elif kind == "multipart/form-data":
            fields, files = _parts(content_type, body)
            form |= fields
    except (ValueError, AttributeError, RecursionError):
        raise RequestError(400, "Invalid request.", ["The body is not what its Content-Type says."], status=400) from None
    return form, files


def _parts(content_type: str, body: bytes) -> tuple[dict[str, str], dict[str, tuple[str, bytes]]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields, files = {}, {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True) or b""
        if part.get_filename() is not None:
            files[str(name)] = (str(part.get_filename()), content)
        else:
            fields[str(name)] = content.decode("utf-8")
    return fields, files
