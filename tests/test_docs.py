"""The site has a page for every part, config and picture; `.ci/run` builds it."""

import importlib.util
import json
import pathlib
import re
import zlib

import pytest

import vsc_jax
from experiments import _config_files

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGES = DOCS / "pages"


def load(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_part_of_the_package_has_an_api_page():
    parts = set(vsc_jax.__all__) - {"Run", "load_run"}
    shown = {
        name
        for page in (PAGES / "api").glob("*.md")
        for name in re.findall(r"^::: vsc_jax\.(\w+)$", page.read_text(), re.MULTILINE)
    }
    assert shown == parts
    assert "members: [Run, load_run]" in (PAGES / "api" / "vsc_jax.md").read_text()


def test_every_page_is_in_the_menu_once():
    menu = re.findall(r"\b([\w/]+\.md)$", (DOCS / "mkdocs.yml").read_text(), re.M)
    pages = [page.relative_to(PAGES).as_posix() for page in PAGES.rglob("*.md")]
    notebooks = DOCS.parent.glob("colab/*.ipynb")
    pages += [f"tutorials/{notebook.stem}.md" for notebook in notebooks]
    assert sorted(menu) == sorted(pages)


def test_every_config_is_on_the_page_of_one_paper():
    shown = [
        name
        for page in (PAGES / "papers").glob("*.md")
        for name in re.findall(
            r"^::: experiments\.configs\.(\w+)", page.read_text(), re.M
        )
    ]
    assert sorted(shown) == _config_files.config_names()


def test_every_paper_is_listed():
    index = (PAGES / "papers" / "index.md").read_text()
    for page in (PAGES / "papers").glob("*.md"):
        assert page.name == "index.md" or f"]({page.name})" in index, page.name


def test_parts_of_files_that_pages_include_are_there():
    root = DOCS.parent
    for page in PAGES.rglob("*.md"):
        for file, part in re.findall(
            r'^--8<-- "(.*?)(?::(\w+))?"$', page.read_text(), re.M
        ):
            text = (root / file).read_text()
            if part:
                assert text.count(f"--8<-- [start:{part}]") == 1
                assert text.count(f"--8<-- [end:{part}]") == 1


def test_the_gallery_is_that_of_its_script():
    gallery = load("make_gallery")
    facts = json.loads(gallery.FACTS.read_text())
    assert (PAGES / "gallery.md").read_text() == gallery.gallery_page(facts)
    for name, fact in facts.items():
        assert gallery.PICTURES[name].config == fact["config"]
        assert (PAGES / "pictures" / f"{name}.png").stat().st_size < 200_000


def test_a_picture_of_another_config_is_refused(tmp_path):
    results = {"config": "configs/air.py", "run": {"num_steps": 1, "seed": 0}}
    (tmp_path / "results.json").write_text(json.dumps(results))
    with pytest.raises(SystemExit, match=r"default must be a run of configs/vsc\.py"):
        load("make_gallery").take("default", tmp_path)
    with pytest.raises(SystemExit, match="give NAME=FOLDER"):
        load("make_gallery").main(["nothing"])


def test_a_public_name_without_a_place_ends_the_build(tmp_path):
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    from mkdocs.exceptions import PluginError

    hooks = load("hooks")
    names = sorted(hooks.public_names(DOCS.parent / "vsc_jax"))
    assert {"vsc_jax.losses.mmd", "vsc_jax.schedules.linear"} < set(names)
    head = b"# Sphinx inventory version 2\n# Project: a\n# Version: 0\n# zlib\n"

    def build(documented):
        lines = "".join(f"{name} py:function 1 api/#$ -\n" for name in documented)
        (tmp_path / "objects.inv").write_bytes(head + zlib.compress(lines.encode()))
        hooks.on_post_build(type("Config", (), {"site_dir": str(tmp_path)}))

    build(names)
    with pytest.raises(PluginError, match=f"lack {names[3]};"):
        build(names[:3] + names[4:])
