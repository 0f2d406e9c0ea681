import re

import pytest

from experiments import _directions, published
from experiments.published import PublishedRow, PublishedScore, published_rows
from vsc_jax.models import MODELS

ROWS = [(table, row) for table in published.TABLES for row in published_rows(table)]


@pytest.mark.parametrize(
    ("table", "row"), ROWS, ids=lambda value: getattr(value, "name", value)
)
def test_each_row_has_a_source_and_plausible_numbers(table, row):
    assert "https://" in row.source or "/" in row.source
    assert row.differs
    assert row.model in ("", *MODELS)
    assert row.scores
    for names, score in row.scores.items():
        assert isinstance(names, tuple)
        assert all(_directions.is_score(name) for name in names)
        if _directions.direction_of(names[0]).better == "higher":
            assert 0.0 < score.mean < 1.0  # not in percent
            assert score.best is None or score.mean <= score.best < 1.0
        assert score.standard_deviation is None or score.standard_deviation > 0.0


@pytest.mark.parametrize("table", published.TABLES)
def test_names_are_unique_and_fields_those_of_configs(table):
    from experiments._config_files import flatten
    from experiments.configs import base

    rows = published_rows(table)
    keys = [(row.name, *row.scores) for row in rows]
    assert len(set(keys)) == len(keys)
    for row in rows:
        known = flatten(base.get_config(row.model or "vae"))
        assert row.fields.keys() <= known.keys()
        for name, value in row.fields.items():
            assert type(value) is type(known[name])


def test_a_method_that_we_have_has_our_name():
    ours = {name.replace("_", "") for name in MODELS}
    for _, row in ROWS:
        if not row.model:
            # Without what it is told apart by, such as " (modified)".
            name = re.sub(r" \(.*|\W", "", row.name).lower()
            assert name not in ours


def test_numbers_as_they_are_printed():
    """A few of each table, so that a shifted column is seen."""
    cascade = {row.name: row for row in published_rows("cascade")}
    assert cascade["FactorVAE, m=10"].score(
        "disentanglement.factor_vae_score.cascade.factor_vae_score"
    ) == PublishedScore(0.8215, 0.0088, 0.8825)
    assert cascade["JointVAE, m=4"].score(
        "best_of_run.unsupervised_accuracy"
    ) == PublishedScore(0.4399, 0.0394, 0.5411)
    assert cascade["JointVAE, m=4"].score("metrics.mig") is None
    (row,) = (
        row
        for row in published_rows("decomposition")
        if row.fields["weights.divergence_weight"] == 100.0
        and row.fields["weights.beta"] == 1.0
        and row.fields["model.prior.spike_weight"] == 0.8
    )
    assert row.score("sparsity.hoyer") == PublishedScore(0.552)
    study = {row.name: row for row in published_rows("study")}
    last = study["InfoGAN-CR"]
    assert last.score("metrics.mig") == PublishedScore(0.37, plus_minus=0.01)
    assert last.score("metrics.modularity") == PublishedScore(0.96)
    assert study["DIP-VAE"].score("metrics.sap") == PublishedScore(0.53)
    losses = {
        row.name: found.mean
        for row in published_rows("vsc")
        if (found := row.score("loss")) is not None
    }
    assert losses["VSC, prior 0.5, 24 latents, MNIST"] == 111.58
    assert losses["VAE, 200 latents, Fashion"] == 244.95


def test_a_row_gives_its_score_under_each_of_its_names():
    row = PublishedRow("a", {("x", "y"): PublishedScore(0.5)}, "s", "d")
    assert row.score("x") == row.score("y") == PublishedScore(0.5)
    assert row.score("z") is None
    with pytest.raises(ValueError, match=r"tables are cascade, .*'nope'"):
        published_rows("nope")
