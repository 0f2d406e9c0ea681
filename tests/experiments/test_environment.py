"""A cache for compiled programs, devices, and what libraries may say."""

import importlib
import logging
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest
from absl.testing import flagsaver

from experiments import _environment as environment
from experiments import _flags
from experiments._errors import UserError

BENCHMARKS = ("assignment", "metrics", "train_step")


@pytest.fixture
def cache_of_jax():
    """What JAX was told of the cache before a test."""
    names = (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
    )
    before = {name: getattr(jax.config, name) for name in names}
    yield before
    for name, value in before.items():
        jax.config.update(name, value)


def test_the_compile_cache_is_on_unless_the_user_chose_one(
    cache_of_jax, monkeypatch, tmp_path
):
    # The tests have JAX_COMPILATION_CACHE_DIR.
    assert environment.enable_compile_cache() is None
    name = "jax_compilation_cache_dir"
    assert getattr(jax.config, name) == cache_of_jax[name]
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for folder, cache in [
        (str(tmp_path), tmp_path),
        ("", tmp_path / "home" / ".cache"),  # empty counts as unset
    ]:
        monkeypatch.setenv("XDG_CACHE_HOME", folder)
        assert environment.enable_compile_cache() is None
        assert getattr(jax.config, name) == str(cache / "vsc_jax" / "xla")


@pytest.mark.usefixtures("cache_of_jax")
def test_without_a_home_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert environment.enable_compile_cache() is None
    monkeypatch.delenv("XDG_CACHE_HOME")
    note = environment.enable_compile_cache()
    assert note is not None
    assert "no home directory; set JAX_COMPILATION_CACHE_DIR" in note


@pytest.mark.parametrize(
    ("error", "platforms", "message"),
    [
        (AssertionError(), "cuda", "for JAX_PLATFORMS=cuda; install .* or unset JAX_P"),
        (RuntimeError("no such"), "x", r"for JAX_PLATFORMS=x \(no such\); install"),
        (RuntimeError("broken"), "", r"JAX finds no device \(broken\)\."),
    ],
)
def test_devices_that_are_not_there(error, platforms, message, monkeypatch):
    def devices():
        raise error

    monkeypatch.setattr(jax, "devices", devices)
    before = getattr(jax.config, "jax_platforms")  # noqa: B009 (not in its stubs)
    jax.config.update("jax_platforms", platforms)
    try:
        with pytest.raises(UserError, match=message):
            environment.check_devices()
    finally:
        jax.config.update("jax_platforms", before)


def test_what_is_written_while_devices_are_looked_for(monkeypatch, capfd, caplog):
    def devices():
        os.write(2, b"WARNING: could not determine the type of the accelerator\n")
        logging.getLogger("jax._src.xla_bridge").warning("falling back to cpu")

    # A command that was run in this process before may have made it quiet.
    caplog.set_level(logging.WARNING, logger="jax._src.xla_bridge")
    monkeypatch.setattr(jax, "devices", devices)
    environment.check_devices()
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"
    assert [record.message for record in caplog.records] == ["falling back to cpu"]


def test_drawing_needs_no_backend_of_the_user(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nope")
    environment.be_quiet()
    assert os.environ["MPLBACKEND"] == "agg"


def test_a_command_prepares_all_of_it(monkeypatch, capsys):
    called = []
    monkeypatch.setattr(environment, "be_quiet", lambda: called.append("quiet"))
    monkeypatch.setattr(environment, "check_devices", lambda: called.append("devices"))
    monkeypatch.setattr(environment, "enable_compile_cache", lambda: "no home")
    environment.prepare()
    assert called == ["quiet", "devices"]
    assert capsys.readouterr().out == "note no home\n"


@pytest.mark.usefixtures("parsed_flags")
@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "assignment",
            {"items": ["64", "a"]},
            "--items must be whole numbers above 0 w",
        ),
        (
            "assignment",
            {"num_categories": []},
            "--num_categories must be whole numbers",
        ),
        (
            "metrics",
            {"factor_sizes": ["0"]},
            "--factor_sizes must be whole numbers abo",
        ),
        ("metrics", {"only": ["x"]}, "unknown score x; known: absolute_correlation, "),
        ("train_step", {"batch_size": ["-1"]}, "--batch_size must be whole numbers"),
        ("train_step", {"image_size": 7}, "--image_size must be 28, 32 or 64, got 7."),
        *((name, {}, "unexpected words x; every flag") for name in BENCHMARKS),
    ],
)
def test_benchmarks_refuse_wrong_words_before_they_begin(name, given, message):
    command = importlib.import_module(f"experiments.benchmark.{name}")
    words = [] if given else ["x"]
    with flagsaver.flagsaver(**given), pytest.raises(UserError, match=message):
        command.main([name, *words])


@pytest.mark.usefixtures("parsed_flags")
@pytest.mark.parametrize("name", [*BENCHMARKS, "evaluate"])
def test_a_command_says_that_there_are_no_devices(name, monkeypatch, tmp_path, capsys):
    def none():
        raise UserError("JAX finds no device.")

    monkeypatch.setattr(environment, "check_devices", none)
    module, given = f"benchmark.{name}", {}
    if name == "evaluate":  # the others have no flag of this name
        module, given = name, {"workdir": str(tmp_path)}
    command = importlib.import_module(f"experiments.{module}")
    monkeypatch.setattr(sys, "argv", [name])
    with flagsaver.flagsaver(**given), pytest.raises(SystemExit):
        _flags.run(command.main)
    assert capsys.readouterr().err == "error: JAX finds no device.\n"


@pytest.fixture
def cache(cache_of_jax, tmp_path):
    """A folder of compiled programs, two of one name and one of another."""
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    for i, name in enumerate(("jit_f-1", "jit_f-2", "jit_g-3")):
        path = tmp_path / f"{name}-cache"
        path.write_bytes(b"")
        os.utime(path, (i, i))
    return tmp_path


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_programs_that_were_cut_off_are_removed(cache, capsys):
    text = "Error {} persistent compilation cache entry for 'jit_f': OSError: {}"
    for _ in range(2):
        message = UserWarning(text.format("writing", "disk full"))
        environment._show_warning(message, UserWarning, "compiler.py", 1)
    assert names_in(cache) == ["jit_g-3-cache"]
    printed = capsys.readouterr()
    assert printed.out == (
        f"note compiled programs are not kept in {cache}: OSError: disk full\n"
    )
    assert printed.err == ""


def test_of_programs_that_cannot_be_written_the_newest_is_removed(cache):
    text = "Error writing persistent compilation cache entry for 'jit_f': x"
    environment._show_warning(UserWarning(text), UserWarning, "compiler.py", 1)
    assert names_in(cache) == ["jit_f-1-cache", "jit_g-3-cache"]


def test_other_warnings_are_shown(cache, monkeypatch):
    shown = []
    monkeypatch.setattr(
        environment, "_shown_before", lambda *words: shown.append(words)
    )
    environment._show_warning(UserWarning("other"), UserWarning, "a.py", 1)
    assert [words[1:] for words in shown] == [(UserWarning, "a.py", 1)]
    assert len(names_in(cache)) == 3


PROGRAM = """
import pathlib, sys
import jax
from experiments._environment import enable_compile_cache

assert enable_compile_cache() is None
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
f = jax.jit(lambda x: x + 1)
f(1.0)
cache = pathlib.Path(jax.config.jax_compilation_cache_dir)
entries = {path: path.read_bytes() for path in cache.glob("*-cache")}
assert entries
for path, content in entries.items():
    path.write_bytes(content[: len(content) // 2])
jax.clear_caches()
assert f(1.0) == 2.0
again = [path.read_bytes() for path in entries if path.exists()]
assert again and all(len(a) > max(map(len, entries.values())) // 2 + 9 for a in again)
"""


def test_jax_writes_a_program_that_was_cut_off_anew(tmp_path):
    variables = {
        k: v for k, v in os.environ.items() if not k.startswith(("JAX", "PYTHONW"))
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=variables | {"XDG_CACHE_HOME": str(tmp_path), "JAX_PLATFORMS": "cpu"},
        cwd=Path(environment.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
