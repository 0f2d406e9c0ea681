"""The rules that keep the code one piece, as functions of its source text.

Each `check_*` takes modules or sources and returns a list of complaints.
"""

import ast
import functools
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).parents[1]
MAX_LINES = 400

# What each part may import from inside the project. Imports go downward only.
SHARED = {"_cascade_betas", "_checks", "_gates", "_memory", "_plain", "_ranges"}
LEAVES = {"networks", "losses", "priors", "sampling", "schedules", "metrics"} | {
    "datasets",
    "assignment",
}
MAY_IMPORT = {
    "_memory": set(),
    "_plain": set(),
    "_ranges": set(),
    "_files": set(),
    "_checks": {"_ranges"},
    "_gates": {"_checks", "_ranges"},
    "_cascade_betas": {"_checks", "_ranges"},
    **{leaf: SHARED for leaf in LEAVES},
    "priors": SHARED | {"losses"},
    # A layer of noise has its draw and its KL from there.
    "networks": SHARED | {"losses", "sampling"},
    "models": SHARED | LEAVES,
    # Of schedules it takes the type, of networks what splits off their state.
    "training": SHARED | {"_files", "models", "datasets", "schedules", "networks"},
    # Of networks it takes the `Posterior` that `Model.encode` returns.
    "evaluation": SHARED | {"models", "networks", "datasets", "metrics", "losses"},
    "figures": SHARED | {"_files", "evaluation", "models", "datasets", "metrics"},
    # `vsc_jax.load_run` and the parts, imported when they are asked for.
    # The command `vsc-jax` finds the experiments by their place, not by an import.
    "_command": {""},
    "_run": {"_checks", "_ranges", "training", "evaluation", "models"},
    "": LEAVES | {"_run", "models", "training", "evaluation", "figures"},
    "experiments": LEAVES
    | {"", "_files", "_memory", "_ranges"}
    | {"models", "training", "evaluation", "figures"},
}
# What training, evaluation and figures may name of models: what a method must have to
# be trained, and what it may be able to do. None of them knows a method.
TRAINABLE = {"Batch", "LossOutput", "Params", "Player", "Trainable", "Weights"} | {
    "Metrics"
}
CAPABILITIES = {"EncodesImages", "DecodesCodes", "SamplesPrior", "HasKL"} | {
    "BoundsLikelihood",
    "Classifies",
    "DecodesClasses",
    "DecodesObjects",
    "FindsObjects",
    "FoundObjects",
    "HasCategories",
    "HasLayers",
    "HasNoise",
    "MapsKL",
}
MAY_NAME = {
    # A run in a folder is described, and restored, by the name of its model.
    "training": TRAINABLE
    | {"Model", "RenewsStatistics", "create_model", "describe_model"},
    "evaluation": TRAINABLE | CAPABILITIES,
    "figures": CAPABILITIES,
}

# Third-party packages at the top of a module, so loaded with it. All others belong
# into the functions that use them.
EVERYWHERE = {"jax", "numpy"}
AT_THE_TOP = {
    "networks": {"flax"},
    "models": {"flax"},
    "training": {"optax", "orbax", "tqdm"},
    "datasets": {"PIL"},
    "experiments": {"absl", "ml_collections", "optax"},
}
# Name in an import statement -> name in pyproject.toml, where they differ.
DISTRIBUTIONS = {
    "PIL": "pillow",
    "absl": "ml-collections",  # which needs absl-py
    "ml_collections": "ml-collections",
    "orbax": "orbax-checkpoint",
    "sklearn": "scikit-learn",
    "requests": "pooch",  # which needs it
    "tensorflow_datasets": "tensorflow-datasets",
    "threadpoolctl": "scikit-learn",  # which needs it
}
# Not asked for by us: the benchmark compares with torch where it is installed.
OPTIONAL = {"torch": "experiments.benchmark"}

# A run on many devices, and many runs on them.
PARALLEL_FILES = ("vsc_jax.training._parallel", "vsc_jax.training._group_trainer")
PARALLEL_NAMES = {"AxisType", "Mesh", "NamedSharding", "PartitionSpec"} | {
    "all_gather",
    "axis_index",
    "make_mesh",
    "mesh",
    "pmap",
    "pmean",
    "psum",
    "shard_map",
}


class Module:
    """A source file under the name by which it is imported."""

    def __init__(self, name, source):
        self.name = name
        self.source = source
        self.tree = ast.parse(source)

    @property
    def part(self):
        """`losses` for vsc_jax.losses._kl, "" for vsc_jax, else `experiments`."""
        words = self.name.split(".")
        if words[0] == "experiments":
            return "experiments"
        return words[1] if len(words) > 1 else ""

    @property
    def public(self):
        """Public functions and classes at the top of the module, by name."""
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        return {
            node.name: node
            for node in self.tree.body
            if isinstance(node, kinds) and not node.name.startswith("_")
        }

    @property
    def defined(self):
        """Names of `public` but for types without code: tuples and protocols."""
        return {
            name
            for name, node in self.public.items()
            if not {"NamedTuple", "Protocol"}
            & {ast.unparse(base) for base in getattr(node, "bases", [])}
        }

    def imports(self, top_only=False):
        """`(line, module, name or None)` of every import."""
        return self._imports_at_the_top if top_only else self._all_imports

    @functools.cached_property
    def _all_imports(self):
        return list(imports_among(ast.walk(self.tree)))

    @functools.cached_property
    def _imports_at_the_top(self):
        return list(imports_among(self._loaded()))

    def _loaded(self):
        """The nodes that run when the module is imported."""
        waiting = list(self.tree.body)
        while waiting:
            node = waiting.pop()
            yield node
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                continue
            waiting.extend(ast.iter_child_nodes(node))


def imports_among(nodes):
    """`(line, module, name or None)` of those nodes that are imports."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for a in node.names:
                yield node.lineno, a.name, None
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for a in node.names:
                yield node.lineno, module, a.name


@functools.cache
def read_modules(root=ROOT):
    modules = []
    for top in ("vsc_jax", "experiments"):
        for path in sorted((root / top).rglob("*.py")):
            words = path.relative_to(root).with_suffix("").parts
            words = words[:-1] if words[-1] == "__init__" else words
            modules.append(Module(".".join(words), path.read_text()))
    return modules


def project_files(root=ROOT):
    """Every file that is, or would be, under version control."""
    command = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        names = [root / name for name in done.stdout.split("\0") if name]
    else:  # an unpacked archive
        names = [
            p
            for d in ("vsc_jax", "experiments", "tests", "colab", ".ci")
            for p in (root / d).rglob("*")
            if "__pycache__" not in p.parts
        ]
        names += [root / "README.md", root / "pyproject.toml"]
    return [name for name in names if name.is_file()]


def project_imports(module, names):
    """`(line, other module, name taken from it or None)` inside the project."""
    for line, other, name in module.imports():
        if other.split(".")[0] not in ("vsc_jax", "experiments"):
            continue
        if name and f"{other}.{name}" in names:
            other, name = f"{other}.{name}", None  # noqa: PLW2901
        yield line, other, name


def check_arrows(modules):
    """Imports go downward, between parts by public names, never relative."""
    names = {m.name for m in modules} | {f"vsc_jax.{part}" for part in MAY_IMPORT}
    found = []
    for module in modules:
        for line, other, name in module.imports():
            if other.startswith("."):
                found.append(f"{module.name}:{line} imports relative to itself")
            if name == "*":
                found.append(f"{module.name}:{line} imports everything from {other}")
        for line, other, name in project_imports(module, names):
            target = Module(other, "").part
            where = f"{module.name}:{line} imports {other}{f' ({name})' * bool(name)}"
            if target == module.part:
                continue
            if module.part not in MAY_IMPORT:
                found.append(f"{module.name}: {module.part} is not in MAY_IMPORT")
            elif target not in MAY_IMPORT[module.part]:
                found.append(f"{where}: an arrow that does not exist")
            words = [*other.split(".")[2:], *([name] if name else [])]
            if any(word.startswith("_") for word in words):
                found.append(f"{where}: private to another part")
            named = MAY_NAME.get(module.part)
            if named is not None and target == "models" and name not in named:
                found.append(f"{where}: not in MAY_NAME[{module.part!r}]")
    return found


def check_third_party(modules, declared):
    """Heavy packages are imported where they are used; each is declared."""
    found = []
    for module in modules:
        tops = {line for line, *_ in module.imports(top_only=True)}
        allowed = EVERYWHERE | AT_THE_TOP.get(module.part, set())
        for line, other, _ in module.imports():
            package = other.split(".")[0]
            if package in sys.stdlib_module_names | {"", "vsc_jax", "experiments"}:
                continue
            where = f"{module.name}:{line} imports {package}"
            if package == "ml_collections" and module.part != "experiments":
                found.append(f"{where}: only experiments reads a ConfigDict")
            if OPTIONAL.get(package, "-") in module.name:
                continue
            if line in tops and package not in allowed:
                found.append(f"{where} at the top of the module")
            if DISTRIBUTIONS.get(package, package) not in declared:
                found.append(f"{where}: not in pyproject.toml")
    return found


def check_parallel(modules):
    """Two files know about devices; strings and docstrings may name the choice."""
    found = []
    for module in modules:
        if module.name in PARALLEL_FILES:
            continue
        for node in ast.walk(module.tree):
            used = {
                getattr(node, field, None) for field in ("id", "attr", "name", "arg")
            }
            if isinstance(node, ast.ImportFrom | ast.Import):
                used = {word for a in node.names for word in a.name.split(".")}
            if used := PARALLEL_NAMES & {u for u in used if isinstance(u, str)}:
                found.append(f"{module.name}:{node.lineno} uses {', '.join(used)}")
    return found


def check_docstrings(modules):
    """Every module says what it is; every public name says what it does."""
    by_name = {m.name: m for m in modules}
    found = []
    for module in modules:
        if not ast.get_docstring(module.tree):
            found.append(f"{module.name} has no docstring")
        exported = {
            (f"{other}.{name}", by_name[other].public.get(name))
            for _, other, name in module.imports()
            if other in by_name and is_package(module, by_name)
        }
        if not module.name.rpartition(".")[2].startswith("_"):
            exported |= {(f"{module.name}.{n}", d) for n, d in module.public.items()}
        found += [
            f"{name} has no docstring"
            for name, definition in sorted(exported, key=lambda pair: pair[0])
            if definition is not None and not ast.get_docstring(definition)
        ]
    return found


def is_package(module, by_name):
    return any(name.startswith(f"{module.name}.") for name in by_name)


def check_packages(modules):
    """`__init__` files re-export one name per line, the same one; `__all__` has all."""
    by_name = {m.name: m for m in modules}
    found = []
    for module in modules:
        if not is_package(module, by_name):
            continue
        public = public_names(module)
        listed = set(all_names(module))
        if module.name != "vsc_jax":  # which imports its names when they are asked for
            wrong = sorted(public ^ listed)
            found += [
                f"{module.name}.__all__ and its names differ in {n}" for n in wrong
            ]
        for node in module.tree.body:
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            if not node.module.startswith(f"{module.name}."):
                continue
            renamed = any(a.asname != a.name for a in node.names)
            if renamed or len(node.names) > 1:
                found.append(
                    f"{module.name}:{node.lineno} is not `import name as name`"
                )
    return found


def public_names(module):
    """What a package imports under the same name, or defines, without underscore."""
    names = set(module.public)
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom):
            names |= {a.name for a in node.names if a.asname == a.name}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = getattr(node, "targets", None) or [node.target]
            names |= {ast.unparse(target) for target in targets}
    return {name for name in names if not name.startswith("_")}


def all_names(module):
    """The strings in `__all__`; none if there is no such list."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return []


def check_lengths(sources):
    counts = {path: text.count("\n") for path, text in sources.items()}
    return [f"{path} has {n} lines" for path, n in counts.items() if n > MAX_LINES]


def check_paths(sources):
    """No path of somebody's own machine."""
    own = re.compile(r"(?<![\w.])/(?:home|Users|root|work|mnt)/\w|\b[A-Z]:\\+Users")
    return [
        f"{path}:{number} {line.strip()[:80]}"
        for path, text in sources.items()
        for number, line in enumerate(text.splitlines(), 1)
        if own.search(line)
    ]


def declared_packages(root=ROOT):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return {re.match(r"[\w.-]+", text).group() for texts in groups for text in texts}


def read_sources(*suffixes):
    return {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for path in project_files()
        if path.suffix in suffixes or not suffixes
    }
