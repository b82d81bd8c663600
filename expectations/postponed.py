"""Imports that wait until something of them is used."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class _OnFirstUse(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


@contextmanager
def postponed(*modules: str) -> Iterator[None]:
    """What is imported within imports these modules when it first uses something of them.

    (``importlib.util.LazyLoader`` loads them as soon as they are imported a second time.)

    Example:
        >>> sys.modules.pop("this", None) and None
        >>> with postponed("this"):
        ...     import this
        >>> "this" in sys.modules
        False
    """
    absent = set(modules) - sys.modules.keys()
    sys.modules |= {name: _OnFirstUse(name) for name in absent}
    try:
        yield
    finally:
        for name in absent:
            if isinstance(sys.modules[name], _OnFirstUse):
                del sys.modules[name]
