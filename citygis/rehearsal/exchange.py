"""A request and its reply, as the server hands them on."""

from typing import NamedTuple


class Request(NamedTuple):
    """
    What was asked.

    ``form`` has the parameters of the address and the body together; ``files`` name and content of each uploaded file by its
    parameter; ``user`` who asks, None without a token; ``password_in_url`` whether the address held a password.
    """

    method: str
    path: str
    form: dict[str, str]
    files: dict[str, tuple[str, bytes]]
    user: str | None
    password_in_url: bool = False


class Reply(NamedTuple):
    """What is answered."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
