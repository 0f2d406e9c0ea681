"""What every registered data set has, and that none is forgotten."""

import importlib
import pathlib
import pkgutil

import pytest

from vsc_jax.datasets import dataset_names, sources
from vsc_jax.datasets._registry import SOURCES
from vsc_jax.datasets._source import Source

TABLE = "vsc_jax/datasets/_registry.py"


def unregistered(modules):
    """A complaint per `Source` of a module that the table lacks."""
    return [
        f"{module.__name__} defines {name}: add it to SOURCES in {TABLE}"
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Source) and SOURCES.get(value.name) is not value
    ]


def source_modules():
    names = [module.name for module in pkgutil.iter_modules(sources.__path__)]
    return [importlib.import_module(f"{sources.__name__}.{name}") for name in names]


def test_every_source_is_registered():
    modules = source_modules()
    without = [
        module.__name__
        for module in modules
        if not any(isinstance(value, Source) for value in vars(module).values())
    ]
    assert not without, f"{without} define no Source: see another file beside them"
    found = unregistered(modules)
    assert not found, "\n".join(found)


def test_a_forgotten_registration_says_what_to_add():
    class Forgotten:
        __name__ = "vsc_jax.datasets.sources._mine"
        MINE = Source("mine", lambda request: request, "8x8", "1 / 1", "drawn here")

    module = Forgotten()
    vars(module).update(MINE=Forgotten.MINE)
    (found,) = unregistered([module])
    assert found == (
        "vsc_jax.datasets.sources._mine defines MINE: add it to SOURCES in "
        "vsc_jax/datasets/_registry.py"
    )


@pytest.mark.parametrize("source", SOURCES.values(), ids=lambda source: source.name)
def test_a_source_describes_itself(source):
    assert source.images
    assert source.split
    assert source.origin
    # Files that are looked for come with the place where they are to be had.
    assert bool(source.original) == bool(source.url)
    if source.original:
        assert "`data.path`" in source.origin
    assert "|" not in source.images + source.split + source.origin
    if source.extra:
        root = pathlib.Path(__file__).parents[2]
        assert f"{source.extra} = [" in (root / "pyproject.toml").read_text()


def test_no_name_is_there_twice():
    assert len(dataset_names()) == len(SOURCES) == len(set(dataset_names()))
