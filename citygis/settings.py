"""
Settings are TOML files, checked against a model; an error names the file, the key and what was probably meant.
"""

import difflib
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from citygis.errors import SettingsError


class Settings(BaseModel):
    """Base of every settings model: frozen, numbers finite, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Settings)


def read_toml(path: Path | str) -> dict:
    """
    The tables of a TOML file.

    Raises
    ------
    SettingsError
        If the file is missing, unreadable or not TOML; the message gives the line.
    """
    path = Path(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise SettingsError(f"{path} is not there. Look at the path, or make a City's folder with: citygis init DIR") from None
    except IsADirectoryError:
        raise SettingsError(f"{path} is a folder. Name the .toml file in it.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as text: {error}. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.") from None


def check(tables: dict, model: type[Model], where: str) -> Model:
    """
    `tables` as `model`.

    Parameters
    ----------
    tables : dict
        What a TOML file says.
    model : type of Settings
    where : str
        File name (or the like), to begin each message with.

    Raises
    ------
    SettingsError
        With one line per problem, each naming the key.
    """
    try:
        return model.model_validate(tables)
    except ValidationError as error:
        raise SettingsError("\n".join(f"{where}: {line}" for line in _problems(error, model))) from None


def load(path: Path | str, model: type[Model]) -> Model:
    """`read_toml`, then `check`."""
    return check(read_toml(path), model, str(path))


def load_folder(folder: Path, model: type[Model], *, name_key: str) -> dict[str, Model]:
    """
    The TOML files of a folder by name, in the order of their names.

    Raises
    ------
    SettingsError
        As `load`, and where a file says another name of itself under `name_key` than it has.
    """
    found = {path.stem: load(path, model) for path in sorted(folder.glob("*.toml"))}
    for name, loaded in found.items():
        said = getattr(loaded, name_key)
        if said != name:
            raise SettingsError(f"{folder / name}.toml: `{name_key}` is {said!r}. Must be the file's name.")
    return found


def _problems(error: ValidationError, model: type[BaseModel]) -> list[str]:
    lines = []
    for problem in error.errors():
        place = ".".join(str(step) for step in problem["loc"])
        if problem["type"] == "extra_forbidden":
            close = difflib.get_close_matches(str(problem["loc"][-1]), _keys(model), n=1)
            beside = [] if close else _keys_beside(problem["loc"], model)
            hint = f"; did you mean `{close[0]}`?" if close else f"; there are: {', '.join(beside)}" if beside else ""
            lines.append(f"unknown key `{place}`{hint}")
        elif problem["type"] == "missing":
            lines.append(f"key `{place}` is missing")
        elif isinstance(problem["input"], dict):  # a table as a whole: to repeat it tells nobody more
            said = problem["msg"].removeprefix("Value error, ")
            lines.append(f"`{place}`: {said}" if place else said)
        else:
            lines.append(f"`{place}` is {problem['input']!r}: {problem['msg']}")
    return lines


def _keys_beside(place: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """The keys of the table in which `place` stands; none where that is not a table of a model."""
    for step in place[:-1]:
        field = next((field for name, field in model.model_fields.items() if step in (name, field.alias)), None)
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return []
        model = kind
    return [field.alias or name for name, field in model.model_fields.items()]


def _keys(model: type[BaseModel], seen: frozenset = frozenset()) -> list[str]:
    """The keys of a model and of the models inside it: enough for a did-you-mean."""
    keys = []
    for name, field in model.model_fields.items():
        keys.append(field.alias or name)
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            for kind in (inner, *getattr(inner, "__args__", ())):
                if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
                    keys += _keys(kind, seen | {model, kind})
    return keys
