"""
Data folders that ship with citygis: inside an installed package, or beside it in a checkout.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from citygis.errors import SettingsError


def packaged_folder(name: str) -> Path:
    """
    A folder of data files that come with citygis: ``styles`` or ``sample_data``.

    Raises
    ------
    SettingsError
        If the installation lacks it.
    """
    package = Path(__file__).parent
    for folder in (package / "_data" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise SettingsError(f"This installation of citygis has no {name}. Install it again: pip install --force-reinstall citygis")


def callable_package(name: str, function: str) -> None:
    """
    Let a package be called like its main function, so that ``cg.convert(raw, "parcel")`` works beside ``cg.convert.Crosswalk``.

    Importing a package always binds its name on its parent, so a function of the same name could not stay there.
    """

    class Callable_(ModuleType):
        def __call__(self, *args: object, **options: object) -> object:
            main: Callable = getattr(self, function)
            return main(*args, **options)

    sys.modules[name].__class__ = Callable_
