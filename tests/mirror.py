"""Rules of what is forgotten: tests that mirror the code, names that are exported."""

import ast
import re

from architecture import is_package


def check_mirror(modules, test_sources, registered=frozenset()):
    """Every module has the test file of its name, or is tested beside it.

    A private module needs no file of its own if every function and class that its
    package exports from it is used by a test file in the mirrored folder; those in
    `registered`, names of classes, are used by tests that go through the registry. One
    that exports nothing is tested with a module beside it that imports it. Configs are
    collected by one test.

    Args:
      modules: of the project.
      test_sources: path of each test file -> its source.
      registered: classes that tests find in a registry.
    """
    by_name = {m.name: m for m in modules}
    found = []
    for module in modules:
        if is_package(module, by_name) or _is_config(module, test_sources):
            continue
        if missing := _untested(module, by_name, test_sources, registered, set()):
            found.append(f"{module.name} has no {_mirror(module)}{missing}")
    return found


def _mirror(module):
    top, *folders, name = module.name.split(".")
    name = name.lstrip("_")
    if top == "vsc_jax":
        return "/".join(["tests", *folders, f"test_{name}.py"])
    # Flat: pytest would take a folder `experiments/benchmark` of tests for the package.
    return f"tests/{top}/test_{'_'.join([*folders, name])}.py"


def _is_config(module, test_sources):
    test = "tests/experiments/test_configs.py"
    return module.name.startswith("experiments.configs.") and test in test_sources


def _untested(module, by_name, test_sources, registered, seen):
    """Why a module counts as untested; "" if it does not."""
    mirror = _mirror(module)
    if mirror in test_sources:
        return ""
    if not module.name.rpartition(".")[2].startswith("_"):
        return ", and it is public"
    folder = mirror.rpartition("/")[0]
    beside = "\n".join(
        text for path, text in test_sources.items()
        if path.rpartition("/")[0] == folder
    )  # fmt: skip
    package = by_name.get(module.name.rpartition(".")[0])
    exported = module.defined
    if package is not None:
        names = {name for _, other, name in package.imports() if other == module.name}
        exported = exported & names
    exported -= registered
    missing = sorted(n for n in exported if not re.search(rf"\b{n}\b", beside))
    if missing:
        return f", and no other there uses {', '.join(missing)}"
    if exported or module.defined & registered:
        return ""
    users = [
        other
        for other in by_name.values()
        if other.name not in seen
        and any(module.name in (m, f"{m}.{n}") for _, m, n in other.imports())
    ]
    seen = seen | {module.name}
    if any(
        not is_package(user, by_name)
        and not _untested(user, by_name, test_sources, registered, seen)
        for user in users
    ):
        return ""
    return ", and no module beside it that imports it is tested"


def check_exports(modules):
    """A public name of a private module is taken by its package or by another module.

    One that is not was forgotten in the package, or by whoever took its last use away.
    A module that another one imports as a whole may use any name of it.
    """
    names = {m.name for m in modules}
    imports = [imported for module in modules for imported in module.imports()]
    taken = {(other, name) for _, other, name in imports}
    whole = {f"{other}.{name}" for _, other, name in imports} & names
    return [
        f"{module.name}.{name} is used nowhere else: add `from {module.name} import "
        f"{name} as {name}` to the __init__.py beside it, or begin it with _"
        for module in modules
        if module.part not in ("", "_command", "experiments")  # a command has no users
        and module.name.rpartition(".")[2].startswith("_")
        and module.name not in whole
        for name in module.public
        if (module.name, name) not in taken and name not in _names_used(module)
    ]


def _names_used(module):
    """In the code of a module, which its docstrings are no part of."""
    return {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
