"""Runs the examples of the parts that need JAX and SciPy, with no other package.

As a script it prints, as JSON, what each example that failed printed.
"""

import doctest
import importlib
import importlib.abc
import importlib.util
import json
import pkgutil
import sys

PARTS = ("losses", "priors", "sampling", "schedules", "metrics", "assignment")
# What `pip install jax scipy` brings.
PACKAGES = {"jax", "jaxlib", "scipy", "numpy", "ml_dtypes", "opt_einsum"}


class OnlyThese(importlib.abc.MetaPathFinder):
    """Finds nothing for packages that would not be installed."""

    def find_spec(self, fullname, path, target=None):
        package = fullname.partition(".")[0]
        allowed = sys.stdlib_module_names | PACKAGES | {"vsc_jax", "__main__"}
        if package not in allowed and not package.startswith("_"):
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)


def without_other_packages():
    """From now on no other package is there, be it installed or not."""
    find_spec = importlib.util.find_spec

    def find(name, package=None):
        try:
            return find_spec(name, package)
        except ModuleNotFoundError:
            return None

    importlib.util.find_spec = find
    sys.meta_path.insert(0, OnlyThese())


def modules(part):
    package = importlib.import_module(f"vsc_jax.{part}")
    yield package
    for info in pkgutil.iter_modules(getattr(package, "__path__", [])):
        yield importlib.import_module(f"vsc_jax.{part}.{info.name}")


def failures(module):
    """Name of each example of a module that fails -> what it printed."""
    found = {}
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    for test in doctest.DocTestFinder().find(module):
        printed = []
        doctest.DocTestRunner(optionflags=flags).run(test, out=printed.append)
        if printed:
            found[test.name] = "".join(printed)
    return found


if __name__ == "__main__":
    without_other_packages()
    failed = {}
    for part in PARTS:
        for module in modules(part):
            failed |= failures(module)
    print(json.dumps(failed))
    sys.exit(any("`pip install" not in text for text in failed.values()))
