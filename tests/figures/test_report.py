import base64
import html.parser
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import Figures, write_report


class Page(html.parser.HTMLParser):
    """Tags, text and images; fails on tags that do not match."""

    VOID = ("meta", "img")

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.rows, self.items = [], [], [], []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag == "tr":
            self.rows.append([])
        if tag == "td":
            self.rows[-1].append("")
        if tag == "li":
            self.items.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] == "td":
            self.rows[-1][-1] += data
        if self.open and self.open[-1] == "li":
            self.items[-1] += data


@pytest.fixture
def figures(tmp_path):
    paths = [tmp_path / "latent_bars.png", tmp_path / "traversals.gif"]
    for path in paths:
        Image.fromarray(np.full((4, 6), 77, np.uint8)).save(path)
    return paths


RESULTS = {
    "elbo": -140.2781,
    "elbo_standard_error": 0.5,
    "iwae_50": -12345.67,
    "active_latents": 7,
    "main_latents": 3,
    "kl_per_latent": {"total": [1.0, 2.0]},
    "sparsity": {"hoyer": 0.36277},
    "disentanglement": {
        "factor_vae_score": {"cascade": {"factor_vae_score": 0.9, "chance": 0.2}},
        "unsupervised_accuracy": {"d0": {"unsupervised_accuracy": 0.75}},
    },
    "aggregate_posterior": {
        "num_images": 2000,
        "overlap": -3.2,
        "overlap_per_latent": [-1.6, -1.6],
        "mutual_information": 7.25,
        "mutual_information_standard_error": 0.01,
        "mutual_information_bound": 7.6,
        "kl": 9.0,
        "marginal_kl": 1.75,
        "marginal_kl_standard_error": 0.02,
        "num_draws": 1000,
        "mmd": 0.1,
        "mmd_of_prior": 0.001,
        "mmd_per_dimension": 0.2,
        "sliced_wasserstein": 0.3,
    },
    "skipped": {"probe": 'no factor named "label" <here>'},
}


def test_report_is_one_file_with_everything(tmp_path, figures):
    path = write_report(tmp_path, RESULTS, figures)
    assert path == tmp_path / "report.html"
    text = path.read_text()
    page = Page(text)
    rows = {row[0]: row[1:] for row in page.rows if row}
    assert rows["elbo"] == [
        "-140.3",
        "evidence lower bound, nats per image (larger is better)",
    ]
    assert rows["iwae_50"][0] == "-12345.7"
    assert rows["active_latents"][0] == "7"
    assert rows["sparsity.hoyer"][0] == "0.3628"
    assert "kl_per_latent.total" not in rows
    assert rows["aggregate_posterior.mutual_information"][0] == "7.25"
    assert "aggregate_posterior.overlap_per_latent" not in rows
    assert all(meaning for _, meaning in rows.values())
    assert 'probe: no factor named "label" <here>' in page.text
    # Nothing is fetched: every image is inside, byte for byte.
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "http" not in text
    assert "viewport" in text
    for image, figure in zip(page.images, figures, strict=True):
        kind, data = image["src"].split(";base64,")
        assert kind == f"data:image/{figure.suffix[1:]}"
        assert base64.b64decode(data) == figure.read_bytes()
    assert page.images[0]["alt"] == "latent bars"


def test_two_estimates_of_one_thing_are_explained(tmp_path):
    terms = {"elbo": -101.0, "log_likelihood": -90.0, "slab_kl": 3.0}
    results = {"elbo": -100.0, "reconstruction": 89.0, "loss_terms": terms}
    page = Page(write_report(tmp_path, results).read_text())
    pairs = "elbo and loss_terms.elbo, reconstruction and loss_terms.log_likelihood are"
    assert f"{pairs} estimates of the same" in page.text
    assert "kl and loss_terms" not in page.text
    for alone in ({"elbo": -100.0}, {"elbo": -100.0, "loss_terms": {"slab_kl": 3.0}}):
        page = Page(write_report(tmp_path, alone).read_text())
        assert "estimates of the same" not in page.text


def test_what_is_left_out_or_failed_is_named(tmp_path, figures):
    results = {
        "skipped": {"probe": "no labels", "mig": "no factors", "dci": "no factors"},
        "failed": {"elbo": "ValueError: <bad>"},
    }
    drawn = Figures(figures, {"class_gates": "no labels"}, {"points": "TypeError: bad"})
    page = Page(write_report(tmp_path, results, drawn).read_text())
    assert len(page.images) == len(figures)
    assert page.items == [
        "elbo: ValueError: <bad>",
        "points (figure): TypeError: bad",
        "probe, class_gates (figure): no labels",
        "mig, dci: no factors",
    ]
    assert not any(page.rows)
    page = Page(write_report(tmp_path, {"elbo": 1.0}).read_text())
    assert page.items == []


def test_settings_are_shown_and_names_escaped(tmp_path):
    run = tmp_path / "a<b>&c"
    run.mkdir()
    (run / "config.json").write_text(json.dumps({"data": {"name": "<script>"}}))
    page = Page(write_report(run, {"name": "<b>"}, []).read_text())
    assert "a<b>&c" in page.text
    assert '"name": "<script>"' in page.text
    assert "script" not in page.open


def test_values_that_are_not_finite_are_shown(tmp_path):
    page = Page(
        write_report(tmp_path, {"elbo": float("nan"), "note": "x"}, []).read_text()
    )
    assert [row[:2] for row in page.rows if row] == [["elbo", "nan"], ["note", "x"]]


def test_bad_figures(tmp_path):
    with pytest.raises(ValueError, match=r"must be \.png or \.gif files, got a\.svg"):
        write_report(tmp_path, {}, ["a.svg"])
    with pytest.raises(FileNotFoundError):
        write_report(tmp_path, {}, [tmp_path / "missing.png"])


def test_names_that_are_no_text_are_shown(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"path": "caf\udce9"}))
    path = write_report(tmp_path, {"notes": {"a": "of caf\udce9"}})
    assert path.read_text("utf-8").count("caf\ufffd") == 1


def test_a_full_disk_leaves_the_report_that_was_there(tmp_path, monkeypatch):
    path = write_report(tmp_path, {"elbo": 1.0})
    before = path.read_text()

    def full(self, text, encoding):
        self.write_bytes(text.encode()[:30])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*report.html'"):
        write_report(tmp_path, {"elbo": 2.0})
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == before
