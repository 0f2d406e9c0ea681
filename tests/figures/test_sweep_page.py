import re

import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import write_sweep_page

ROWS = [
    {"weights.beta": 1.0, "seed": 0, "elbo": -100.0, "kl": 3.0},
    {"weights.beta": 4.0, "seed": 0, "elbo": -110.0, "kl": 2.0},
    {"weights.beta": 1.0, "seed": 1, "failed": "loss is <nan>"},
    {"weights.beta": 4.0, "seed": 1, "elbo": -112.0, "kl": 1.0},
]
FOLDERS = ["beta=1.0,seed=0", "beta=4.0,seed=0", "beta=1.0,seed=1", "beta=4.0,seed=1"]
FIELDS = ["weights.beta", "seed"]


@pytest.fixture
def workdir(tmp_path):
    for folder in FOLDERS[:2]:
        figures = tmp_path / folder / "figures"
        figures.mkdir(parents=True)
        (tmp_path / folder / "report.html").write_text("<!doctype html>")
        for name in ("reconstructions", "traversals"):
            Image.fromarray(np.full((4, 6), 77, np.uint8)).save(figures / f"{name}.png")
    return tmp_path


def test_runs_have_rows_points_and_links(workdir):
    path = write_sweep_page(workdir, FIELDS, ROWS, ["elbo", "mig", "kl"], FOLDERS)
    text = path.read_text()
    assert path.name == "index.html"
    assert "4 runs, which differ in beta, seed" in text
    assert "loss is &lt;nan&gt;" in text
    links = re.findall(r'<a href="([^"]+)">report</a>', text)
    folders = ["beta%3D1.0%2Cseed%3D0", "beta%3D4.0%2Cseed%3D0"]
    assert links == [f"{folder}/report.html" for folder in folders]
    # Two scores of three runs.
    assert text.count("<circle") == 6
    assert "mig" not in text
    assert "http" not in text
    sources = re.findall(r'<img [^>]*src="([^"]+)"', text)
    assert [s.rpartition("/")[2] for s in sources] == ["traversals.png"] * 2


def test_a_sweep_that_has_just_begun(tmp_path):
    assert "0 runs" in write_sweep_page(tmp_path, FIELDS, [], ["elbo"], []).read_text()
    with pytest.raises(ValueError, match="folders must be one per row, 1, got 0"):
        write_sweep_page(tmp_path, FIELDS, ROWS[:1], ["elbo"], [])
