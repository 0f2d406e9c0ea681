"""Figures as PDF and SVG, whose captions are those of a paper."""

import pytest

from vsc_jax.figures import FIGURES, _make_figures, check_format


def test_figures_for_a_paper_have_no_title(spike_model, dataset, draw, monkeypatch):
    drawn = ("kl_per_latent", "prior_samples", "explorer")
    chosen = [figure for figure in FIGURES if figure.name in drawn]
    monkeypatch.setattr(_make_figures, "FIGURES", chosen)
    figures = draw(spike_model, dataset, figure_format="svg")
    assert not figures.failed
    names = [path.name for path in figures.paths]
    assert names == ["prior_samples.png", "kl_per_latent.png", "explorer.json"]
    papers = [path.name for path in figures.for_papers]
    assert papers == ["prior_samples.svg", "kl_per_latent.svg"]
    samples, kl = [path.read_text() for path in figures.for_papers]
    # The text of an SVG is in its comments.
    assert "<!-- Decoded draws" not in samples
    assert "<!-- KL" not in kl
    assert "<!-- nats" in kl
    with pytest.raises(ValueError, match="must be one of png, pdf, svg, got 'jpg'"):
        check_format("jpg")


def test_a_pdf_is_one(model, dataset, draw, monkeypatch):
    chosen = [figure for figure in FIGURES if figure.name == "kl_per_latent"]
    monkeypatch.setattr(_make_figures, "FIGURES", chosen)
    (path,) = draw(model, dataset, figure_format="pdf").for_papers
    assert path.read_bytes().startswith(b"%PDF")
