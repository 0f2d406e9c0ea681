import base64
import html.parser
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import Figures, _report, write_report
from vsc_jax.figures._captions import CAPTIONS


class Page(html.parser.HTMLParser):
    """Tags, text, images, rows and items; fails on tags that do not match."""

    VOID = ("meta", "img", "input", "br")
    # Of SVG, written as closed.
    CLOSED = ("line", "polyline", "rect")

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.rows, self.items = [], [], [], []
        self.headings, self.text, self.folded = [], "", ""
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

    def handle_startendtag(self, tag, attrs):
        assert tag in self.CLOSED

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"style", "script"} & set(self.open):
            return
        self.text += data
        if "details" in self.open:
            self.folded += data
        tag = self.open[-1] if self.open else ""
        if tag in ("h2", "h3"):
            self.headings.append(data)
        if "td" in self.open:
            self.rows[-1][-1] += data
        if tag == "li":
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
    path = write_report(tmp_path, RESULTS, figures, title="VSC on sprites")
    assert path == tmp_path / "report.html"
    text = path.read_text()
    page = Page(text)
    rows = {key: (rest, *more) for key, rest, *more in map(_row, page.rows)}
    assert rows["elbo"] == (
        "evidence lower bound, nats per image (larger is better)",
        "-140.3",
    )
    assert rows["iwae_50"][1] == "-12345.7"
    assert rows["active_latents"][1] == "7"
    assert rows["sparsity.hoyer"][1] == "0.3628"
    assert "kl_per_latent.total" not in rows
    assert rows["aggregate_posterior.mutual_information"][1] == "7.25"
    assert "aggregate_posterior.overlap_per_latent" not in rows
    assert all(meaning for meaning, _ in rows.values())
    assert 'probe: no factor named "label" <here>' in page.text
    # Nothing is fetched: every image is inside, byte for byte.
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "http" not in text
    assert "viewport" in text
    for image, figure in zip(page.images, figures[::-1], strict=True):
        kind, data = image["src"].split(";base64,")
        assert kind == f"data:image/{figure.suffix[1:]}"
        assert base64.b64decode(data) == figure.read_bytes()
    # What matters stands first, in words.
    assert page.images[1]["alt"] == "Codes as bars"
    assert page.headings[0] == "Scores that matter first"
    assert page.text.index("by chance 0.2") < page.text.index("One latent moves")
    assert "Codes as bars" in page.folded
    assert "One latent moves" not in page.folded
    assert "sparsity.hoyer" in page.folded


def _row(cells, results=RESULTS):
    """Name, meaning and value of a row of scores."""
    name, value = cells
    known = max((k for k in _flat(results) if name.startswith(k)), key=len)
    return known, name.removeprefix(known), value


def _flat(results, prefix=""):
    for key, value in results.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def test_it_begins_with_what_was_trained(tmp_path):
    config = {
        "model": {"name": "vsc"},
        "data": {"name": "sprites"},
        "train": {"batch_size": 64},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    run = {"num_steps": 2000, "train_seconds": 240.0, "devices": ["cpu"] * 2}
    results = {**RESULTS, "num_test_images": 500, "run": run}
    page = Page(write_report(tmp_path, results).read_text())
    assert "vsc on sprites" in page.text
    assert (
        "A model was trained for 2,000 steps of 64 images of the data set sprites, in "
        "4 min on 2 x cpu. On 500 test images: FactorVAE score 0.9 (by chance 0.2), "
    ) in page.text


def test_a_log_is_drawn_as_curves(tmp_path):
    lines = [
        {"step": s, "loss": 50.0 - s, "grad_norm": 1.0, "kl_per_latent": [s / 9, 0.0]}
        for s in range(1, 20)
    ]
    lines[-1]["test_loss"] = 33.0
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    page = Page(write_report(tmp_path, {}).read_text())
    assert page.headings == [
        "Training",
        "Loss",
        "KL of each active latent",
        "Norm of the gradient",
    ]
    assert "Norm of the gradient" in page.folded


def test_a_part_that_fails_costs_no_other(tmp_path, figures, monkeypatch):
    def broken(scores):
        raise TypeError("a broken part")

    monkeypatch.setattr(_report, "headlines", broken)
    (tmp_path / "metrics.jsonl").write_bytes(b"\xff")
    page = Page(write_report(tmp_path, RESULTS, figures).read_text())
    assert "first scores (part of this page): TypeError: a broken part" in page.items
    assert any("curves (part of this page)" in item for item in page.items)
    assert len(page.images) == len(figures)
    assert page.rows


def test_it_stays_below_5_megabytes(tmp_path, monkeypatch):
    monkeypatch.setattr(_report, "MAX_BYTES", 1_000)
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    small.write_bytes(b"0" * 600)
    large.write_bytes(b"0" * 800)
    page = Page(write_report(tmp_path, {}, [large, small]).read_text())
    assert [image["alt"] for image in page.images] == ["Small"]
    assert "Too large for this page, in the folder figures: large.png" in page.text


def test_every_figure_has_a_caption():
    source = "".join(
        file.read_text() for file in Path(_report.__file__).parent.glob("_*.py")
    )
    stems = set(re.findall(r"data\.path\(\"(\w+)\.(?:png|gif)\"\)", source))
    assert len(stems) > 25
    assert stems == set(CAPTIONS)


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


def test_what_layers_say_is_explained_and_shown_first(tmp_path):
    """Every number that a classifier with noisy layers ends with has a meaning."""
    layers = {"pool1": 740.0, "pool2": 440.0}
    results = {
        "classification": {"accuracy": 0.93},
        "layers": {
            "kl": 1180.0,
            "kl_standard_error": 3.0,
            "kl_per_layer": layers,
            "saturated": 0.12,
            "saturated_per_layer": layers,
            "num_units": 200,
            "total_correlation": 0.1,
            "total_correlation_of_independent": 0.01,
        },
        "layer_probe": {
            "layers": ["image", "pool1", "pool2"],
            "accuracy": {"label": [0.1, 0.5, 0.9], "x": [0.7, 0.8, 0.9]},
            "majority": {"label": 0.1, "x": 0.2},
            "num_labels": 1000,
            "num_test_images": 1000,
            "label_at_end": 0.9,
            "others_at_end": 0.875,
        },
    }
    page = Page(write_report(tmp_path, results).read_text())
    rows = {key: said for key, said, _ in (_row(r, results) for r in page.rows)}
    assert all(rows.values()), [key for key, said in rows.items() if not said]
    assert "layers.kl_per_layer.pool2" in rows
    first, _, _ = page.text.partition("All the rest")
    assert "Information let through" in first
    assert "Other factors at the last layer" in first


def test_values_that_are_not_finite_are_shown(tmp_path):
    results = {"elbo": float("nan"), "note": "x"}
    page = Page(write_report(tmp_path, results).read_text())
    assert [row[-1] for row in page.rows] == ["nan", "x"]


def test_bad_figures(tmp_path):
    with pytest.raises(ValueError, match=r"be \.png, \.gif, \.json files, got a\.svg"):
        write_report(tmp_path, {}, ["a.svg"])
    page = Page(write_report(tmp_path, {}, [tmp_path / "missing.png"]).read_text())
    (item,) = page.items
    assert item.startswith("missing.png (figure): ")


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
