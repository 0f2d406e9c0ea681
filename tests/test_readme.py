"""What README and documentation show works: code runs, commands and fields exist."""

import pathlib
import re
import shlex
import sys
import tomllib
from unittest import mock

import jax
import jax.numpy as jnp
import pytest
import readme_tables
from absl import flags
from ml_collections import config_flags

from experiments import _config_files, _errors

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs" / "pages").rglob("*.md"))
DOCUMENTS = [README, *PAGES]
COMMANDS = (
    "pip install -e . && python -m experiments.run --config=configs/vsc.py",
    'pip install -e ".[dev]" && pytest',
)

# Commands that take folders or a table without a flag before them.
TAKES_WORDS = ("compare", "reproduce")

# ml_collections loads config files in this way.
pytestmark = pytest.mark.filterwarnings("ignore:the load_module.* is deprecated")


def code_blocks(language, text=None):
    """Those of a text, or of all documents without repeats."""
    if text is None:
        blocks = [b for d in DOCUMENTS for b in code_blocks(language, d.read_text())]
        return list(dict.fromkeys(blocks))
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def shell_commands(text=None):
    """Every command, as words; `&&` joins several in a line."""
    lines = "\n".join(code_blocks("bash", text)).replace("\\\n", " ").splitlines()
    parts = [part for line in lines for part in line.split("&&")]
    parts = dict.fromkeys(part.strip() for part in parts)
    return [shlex.split(part) for part in parts if part]


def check_command(words):
    """Raises if the command has a file, flag, field or extra that does not exist."""
    match words:
        case ["pip", "install", "-e", target]:
            check_extras(target)
        case ["pytest"] | ["pip", "install", "jax", "scipy"]:
            pass
        case ["pip", "install", "--no-deps", "-e", "."]:
            pass
        case ["mkdocs", "build", "--strict", "-f", file]:
            if not (ROOT / file).is_file():
                raise ValueError(f"there is no {file}")
        case ["vsc-jax", name, *arguments] if not name.startswith("_"):
            check_flags(ROOT / "experiments" / f"{name}.py", arguments)
        case ["python", "-m", module, *arguments] if module.startswith("experiments."):
            check_flags(ROOT / f"{module.replace('.', '/')}.py", arguments)
        case _:
            raise ValueError(f"do not know what this does: {shlex.join(words)}")


def check_extras(target):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = re.fullmatch(r"\.(?:\[([\w,-]+)\])?", target).group(1) or ""
    for extra in filter(None, extras.split(",")):
        if extra not in project["optional-dependencies"]:
            raise ValueError(f"there is no extra {extra}")


def check_flags(path, arguments):
    """Parses them with flags of these names, and the config with its fields."""
    source = path.read_text()
    for module in ("run", "_listing", "_figure_format"):
        if f"from experiments.{module} import" in source:
            source += (ROOT / "experiments" / f"{module}.py").read_text()
    values = flags.FlagValues()
    for kind, name in re.findall(r"DEFINE_(\w+)\(\s*\"(\w+)\"", source):
        if kind == "config_file":
            config_flags.DEFINE_config_file(name, flag_values=values)
        elif kind == "bool":
            flags.DEFINE_bool(name, False, "", flag_values=values)
        else:
            flags.DEFINE_multi_string(name, [], "", flag_values=values)
    arguments = [
        "--config=" + _config_files.resolve_config_path(word.removeprefix("--config="))
        if word.startswith("--config=")
        else word
        for word in arguments
    ]
    if path.stem in TAKES_WORDS:
        values.set_gnu_getopt()
    # The config flag looks for its overrides there.
    with mock.patch.object(sys, "argv", [path.name, *arguments]):
        left = values(sys.argv)[1:]
    if left and path.stem not in TAKES_WORDS:
        raise ValueError(f"{left} are no flags")
    config = values["config"].value if "config" in values else None
    if config is not None:
        fields = _config_files.flatten(config)  # raises if there is no such file
        for word in values["sweep"].value if "sweep" in values else []:
            if word.partition("=")[0] not in fields:
                raise ValueError(f"the config has no field {word}")


def test_the_two_commands_are_near_the_top():
    lines = README.read_text().splitlines()
    for command in COMMANDS:
        assert command in lines[:30]


@pytest.mark.parametrize("words", shell_commands(), ids=shlex.join)
def test_commands_have_files_flags_and_fields_that_exist(words):
    check_command(words)


@pytest.mark.parametrize(
    "line",
    [
        "python -m experiments.run --config=configs/no_such.py",
        "python -m experiments.run --config=configs/vsc.py:no_such",
        "python -m experiments.run --config=configs/vsc.py --config.weights.bet=4",
        "python -m experiments.run --config=configs/vsc.py --config.seed=one",
        "python -m experiments.run --config=configs/vsc.py --no_such=4",
        "python -m experiments.run --config=configs/vsc.py word",
        "python -m experiments.sweep --config=configs/vsc.py --sweep=model.dim=4",
        "python -m experiments.plot_sweep --workdir=runs/a --y=loss --row=seed",
        "python -m experiments.compare runs/a --score=loss --selected=udr",
        "python -m experiments.no_such",
        'pip install -e ".[no-such]"',
        "pip install vsc_jax",
        "vsc-jax no_such --config=configs/vsc.py",
        "vsc-jax run --config=configs/no_such.py",
        "rm data",
    ],
)
def test_a_wrong_command_is_found(line):
    (words,) = shell_commands(f"```bash\n{line}\n```")
    with pytest.raises(
        (ValueError, OSError, KeyError, AttributeError, flags.Error, _errors.UserError)
    ):
        check_command(words)


@pytest.mark.parametrize("marker", readme_tables.TABLES)
def test_a_table_is_that_of_the_code(marker):
    text = readme_tables.FILES[marker].read_text()
    found = readme_tables.complaint(text, marker)
    assert not found, found


def test_a_table_that_is_behind_the_code_says_how_to_mend_it():
    text = readme_tables.FILES["datasets"].read_text()
    table = readme_tables.between(text, "datasets")
    row = next(line for line in table.splitlines() if "`smiley`" in line)
    behind = readme_tables.replace(text, "datasets", table.replace(f"{row}\n", ""))
    found = readme_tables.complaint(behind, "datasets")
    assert "python tests/readme_tables.py" in found
    assert f"+ {row}" in found
    mended = readme_tables.replace(
        behind, "datasets", readme_tables.TABLES["datasets"]()
    )
    assert not readme_tables.complaint(mended, "datasets")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_files_that_it_links_to_exist(document):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if not target.startswith("https://"):
            # Pages of the tutorials are made from the notebooks.
            notebook = re.fullmatch(r"(?:\.\./)?tutorials/(\w+)\.md", target)
            file = ROOT / "colab" / f"{notebook[1]}.ipynb" if notebook else None
            assert (file or document.parent / target).is_file(), target


def test_there_is_a_command_for_every_extra_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = "".join(document.read_text() for document in DOCUMENTS)
    for extra in project["optional-dependencies"]:
        assert f'pip install -e ".[{extra}]"' in text


def test_the_readme_has_two_screens():
    assert README.read_text().count("\n") <= 110


def test_numbers_of_its_table_of_papers_are_in_the_results():
    results = (ROOT / "experiments" / "RESULTS.md").read_text()
    text = README.read_text()
    table = text[text.index("<!-- papers -->") : text.index("<!-- /papers -->")]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if "`" in line]
    assert len(rows) >= 8
    for _, config, _, ours, published in rows:
        assert f"configs/{config.strip(' `')}" in results
        for number in re.findall(r"\d*\.?\d+", ours + published):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d])", results), number


def test_the_loss_example_gives_finite_gradients():
    (block,) = [b for b in code_blocks("python") if "def loss(" in b]
    namespace = {}
    exec(block, namespace)
    key = jax.random.key(0)
    x = jax.random.uniform(key, (5, 8, 8, 1))

    def loss(w):
        return namespace["loss"](
            lambda x: jnp.split(x.reshape(5, 64) @ w, 3, axis=1),
            lambda z: (z @ w[:, :4].T).reshape(5, 8, 8, 1),
            x,
            key,
        )

    value, gradient = jax.jit(jax.value_and_grad(loss))(jnp.full((64, 12), 0.01))
    assert value > 0
    assert jnp.isfinite(gradient).all()
    assert (gradient != 0).any()


def test_the_other_examples_run(tmp_path, monkeypatch):
    blocks = [b for b in code_blocks("python") if "def loss(" not in b]
    blocks = [b for b in blocks if "load_run" not in b]
    assert blocks
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(block, {})


@pytest.mark.slow
def test_the_example_with_a_trained_run(tmp_path, monkeypatch):
    from experiments.configs import vsc
    from experiments.run import run

    config = vsc.get_config("quick")
    config.model.network = "mlp"
    config.evaluation.figures = False
    monkeypatch.chdir(tmp_path)
    run(config, tmp_path / "runs" / "mine", show_progress=False)
    (block,) = [b for b in code_blocks("python") if "load_run" in b]
    namespace = {}
    exec(block, namespace)
    assert namespace["codes"].shape == (16, config.model.latent_dim)
    assert namespace["x_again"].shape == (16, 32, 32, 1)
    assert namespace["new"].shape == (8, 32, 32, 1)
