"""The code keeps the rules of `architecture.py`, and each of them can fail."""

import pytest
from architecture import (
    MAX_LINES,
    PARALLEL_FILES,
    Module,
    check_arrows,
    check_docstrings,
    check_lengths,
    check_packages,
    check_parallel,
    check_paths,
    check_third_party,
    declared_packages,
    read_modules,
    read_sources,
)
from mirror import check_exports, check_mirror

from vsc_jax.models import MODELS

CHECKS = {
    "arrows": check_arrows,
    "third party": lambda m: check_third_party(m, declared_packages()),
    "parallel": check_parallel,
    "docstrings": check_docstrings,
    "mirror": lambda m: check_mirror(m, read_sources(".py"), registered_models()),
    "packages": check_packages,
    "exports": check_exports,
    "lengths": lambda _: check_lengths(read_sources(".py")),
    "paths": lambda _: check_paths(
        read_sources(".py", ".md", ".toml", ".yaml", ".ipynb", "")
    ),
}


def registered_models():
    """Classes that the conformance tests of models go through."""
    return frozenset(kind.__name__ for kind in MODELS.values())


@pytest.mark.parametrize("name", CHECKS)
def test_the_code_keeps_the_rule(name):
    modules = read_modules()
    assert len(modules) > 50
    found = CHECKS[name](modules)
    assert not found, "\n" + "\n".join(found)


def complaints(check, *files, **options):
    """Of a check about made-up modules, each `(name, source)`."""
    return check([Module(*file) for file in files], **options)


@pytest.mark.parametrize(
    ("name", "source", "complaint"),
    [
        ("vsc_jax.losses._a", "import vsc_jax.models", "does not exist"),
        ("vsc_jax.losses._a", "from vsc_jax import sampling", "does not exist"),
        ("vsc_jax.metrics._a", "def f():\n  from vsc_jax import losses", "not exist"),
        ("vsc_jax.models._a", "from vsc_jax.training import x", "does not exist"),
        ("vsc_jax.training._a", "import vsc_jax.evaluation", "does not exist"),
        ("vsc_jax.datasets._a", "import experiments.run", "does not exist"),
        ("vsc_jax.priors._a", "from vsc_jax.losses._kl import x", "private"),
        ("experiments.a", "from vsc_jax.training import _loop", "private"),
        ("vsc_jax.training._a", "from vsc_jax.models import VSC", "MAY_NAME"),
        ("vsc_jax.evaluation._a", "from vsc_jax import models", "MAY_NAME"),
        ("vsc_jax.losses._a", "from ._kl import x", "relative"),
        ("vsc_jax.models._a", "from vsc_jax.losses import *", "everything"),
        ("vsc_jax.extra", "import vsc_jax.losses", "not in MAY_IMPORT"),
    ],
)
def test_a_wrong_arrow_is_found(name, source, complaint):
    (found,) = complaints(check_arrows, (name, source))
    assert complaint in found


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("vsc_jax.priors._a", "from vsc_jax.losses import gaussian_kl"),
        ("vsc_jax.losses._a", "from vsc_jax._checks import as_floats"),
        ("vsc_jax.losses._a", "from vsc_jax.losses._kl import gaussian_kl"),
        ("vsc_jax.training._a", "from vsc_jax.models import Trainable, create_model"),
        ("experiments.run", "from experiments import _flags\nimport vsc_jax"),
    ],
)
def test_a_right_arrow_passes(name, source):
    assert not complaints(check_arrows, (name, source))


@pytest.mark.parametrize(
    ("name", "source", "complaint"),
    [
        ("vsc_jax.models._a", "def f():\n  import ml_collections", "ConfigDict"),
        ("vsc_jax.losses._a", "import flax.linen as nn", "at the top"),
        ("vsc_jax.metrics._a", "try:\n  import sklearn\nfinally: 1", "at the top"),
        ("vsc_jax.metrics._a", "class A:\n  from scipy import x", "at the top"),
        ("vsc_jax.metrics._a", "def f():\n  import pandas", "pyproject"),
        ("vsc_jax.metrics._a", "def f():\n  import torch", "pyproject"),
    ],
)
def test_a_heavy_or_undeclared_package_is_found(name, source, complaint):
    found = complaints(check_third_party, (name, source), declared=declared_packages())
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("vsc_jax.metrics._a", "def f():\n  import sklearn"),
        ("vsc_jax.networks._a", "import flax\nimport jax, json"),
        ("experiments.benchmark.train_step", "import torch"),
        (
            "vsc_jax.evaluation._a",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import matplotlib",
        ),
    ],
)
def test_a_package_where_it_is_used_passes(name, source):
    declared = declared_packages()
    assert not complaints(check_third_party, (name, source), declared=declared)


@pytest.mark.parametrize(
    "source",
    [
        "import jax\njax.pmap(f)",
        "from jax import shard_map",
        "from jax.sharding import Mesh as M",
        "f(mesh=1)",
    ],
)
def test_a_second_file_that_knows_devices_is_found(source):
    assert complaints(check_parallel, ("vsc_jax.training._loop", source))
    assert not complaints(check_parallel, (PARALLEL_FILES[0], source))
    assert not complaints(check_parallel, ("vsc_jax.training._loop", 'p = "pmap"'))


def test_a_missing_docstring_is_found():
    package = ("vsc_jax.losses", '"""D."""\nfrom vsc_jax.losses._a import f as f')
    private = ("vsc_jax.losses._a", '"""D."""\ndef f(): pass\ndef g(): pass')
    assert complaints(check_docstrings, package, private) == [
        "vsc_jax.losses._a.f has no docstring"
    ]
    assert complaints(check_docstrings, ("vsc_jax.sampling", "def f(): pass")) == [
        "vsc_jax.sampling has no docstring",
        "vsc_jax.sampling.f has no docstring",
    ]


def test_a_module_without_tests_is_found():
    module = ("vsc_jax.losses._a", "def f(): pass\ndef g(): pass\ndef _h(): pass")
    for tests in [
        {"tests/losses/test_a.py": ""},
        {"tests/losses/test_b.py": "f() + g()"},
    ]:
        assert not complaints(check_mirror, module, test_sources=tests)
    tests = {"tests/losses/test_b.py": "f()", "tests/test_a.py": "g()"}
    (found,) = complaints(check_mirror, module, test_sources=tests)
    assert found.endswith("no tests/losses/test_a.py, and no other there uses g")
    public = ("vsc_jax.sampling", "def f(): pass")
    tests = {"tests/test_b.py": "f()"}
    assert complaints(check_mirror, public, test_sources=tests)
    config = ("experiments.configs.vsc", "")
    tests = {"tests/experiments/test_configs.py": ""}
    assert not complaints(check_mirror, config, test_sources=tests)
    assert complaints(check_mirror, config, test_sources={})


def test_what_a_package_keeps_to_itself_is_tested_with_its_user():
    package = ("vsc_jax.models", "from vsc_jax.models._a import A as A")
    model = ("vsc_jax.models._a", "from vsc_jax.models._b import f\nclass A: pass")
    helper = ("vsc_jax.models._b", "def f(): pass")
    files = (package, model, helper)
    found = complaints(check_mirror, *files, test_sources={})
    assert len(found) == 2
    assert "no other there uses A" in found[0]
    assert "no module beside it that imports it is tested" in found[1]
    tests = {"tests/models/test_all.py": "A()"}
    assert not complaints(check_mirror, *files, test_sources=tests)
    assert not complaints(check_mirror, *files, test_sources={}, registered={"A"})


def test_a_name_that_was_not_exported_is_found():
    f = 'def f():\n  """>>> f()"""\n'
    module = ("vsc_jax.losses._a", f"{f}def g(): pass\ndef h(): g()")
    package = ("vsc_jax.losses", "from vsc_jax.losses._a import h as h")
    (found,) = complaints(check_exports, package, module)
    assert "add `from vsc_jax.losses._a import f as f` to the __init__.py" in found
    user = ("vsc_jax.models._b", "from vsc_jax.losses import _a")
    assert not complaints(check_exports, package, module, user)


def test_a_package_that_renames_is_found():
    inner = ("vsc_jax.losses._a", "")
    for line in ["import f", "import f as g", "import f as f, g as g"]:
        package = ("vsc_jax.losses", f"from vsc_jax.losses._a {line}")
        assert complaints(check_packages, package, inner)


def test_a_package_whose_list_of_names_is_wrong_is_found():
    inner = ("vsc_jax.losses._a", "")
    source = "from vsc_jax.losses._a import f as f\nB: int = 1\ndef g(): pass\n_c = 1\n"
    for names, wrong in [
        (["B", "f", "g"], []),
        (["B", "f"], ["g"]),
        (["B", "f", "g", "h"], ["h"]),
    ]:
        package = ("vsc_jax.losses", f"{source}__all__ = {names}")
        found = complaints(check_packages, package, inner)
        assert [text.split()[-1] for text in found] == wrong
    assert len(complaints(check_packages, ("vsc_jax.losses", source), inner)) == 3


def test_a_long_file_and_an_own_path_are_found():
    assert check_lengths({"a.py": "\n" * (MAX_LINES + 1)})
    assert not check_lengths({"a.py": "\n" * MAX_LINES})
    for folder in ["home", "Users", "root", "work"]:
        assert check_paths({"a.md": f"see /{folder}/me/data"})
    assert not check_paths({"a.md": "see a/home/page or data/work.npz"})
