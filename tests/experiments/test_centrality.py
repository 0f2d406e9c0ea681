"""Runs encode what the others generate; what cannot take part is said."""

import copy
import json

import numpy as np
import pytest
from tiny_runs import run_tiny, tiny_model

import vsc_jax
from experiments import _centrality
from experiments._errors import UserError
from vsc_jax import load_run, metrics
from vsc_jax.evaluation import inferred_latents


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Two VAEs and an InfoGAN, and two runs that cannot be compared with them."""
    folder = tmp_path_factory.mktemp("sweep")
    for name, model in {
        "a": tiny_model("vae"),
        "b": tiny_model("vae", hidden=(6,)),
        "gan": tiny_model("infogan", noise_dim=2, category_sizes=(3,)),
        "plain": tiny_model("autoencoder"),
        "single": tiny_model("vae", latent_dim=1),
    }.items():
        run_tiny(folder / name, model, num_steps=5, checkpoint_every=5)
    (folder / "broken" / "checkpoints").mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def result(sweep):
    return _centrality.compare_runs(sweep, 4, 3)


def test_the_file_has_a_score_for_each_run_that_fits(sweep, result, capsys):
    assert json.loads((sweep / "centrality.json").read_text()) == result
    result = copy.deepcopy(result)
    (group,) = result["groups"]
    assert group["fields"] == {}
    assert list(group["runs"]) == ["a", "b", "gan"]
    assert result["left_out"].pop("broken").startswith("no readable checkpoint in")
    assert result["left_out"] == {
        "plain": "it has no prior",
        "single": "it has one latent",
    }
    cross = np.array(group["detail"]["cross_scores"])
    expected = metrics.model_centrality(cross)["model_centrality_per_model"]
    assert list(group["runs"].values()) == pytest.approx(expected)
    assert group["model_centrality"] == pytest.approx(np.mean(expected))
    off = cross[~np.eye(3, dtype=bool)]
    assert ((off >= 1 / 3) & (off <= 1.0)).all()
    _centrality.print_centrality(result)
    printed = capsys.readouterr().out
    assert "left out plain: it has no prior" in printed
    assert f"{group['runs']['gan']:.4f}" in printed


def test_it_is_the_same_again_and_depends_on_the_seed(sweep, result):
    assert _centrality.compare_runs(sweep, 4, 3) == result
    other = _centrality.compare_runs(sweep, 4, 4)
    assert other["groups"][0]["detail"] != result["groups"][0]["detail"]


def test_votes_fix_one_latent_of_the_generator(sweep, monkeypatch):
    """Read off the codes that it decodes; the noise and the categories are drawn."""
    run = load_run(sweep / "gan")
    assert inferred_latents(run.model).tolist() == [0, 1]
    decoded = []
    monkeypatch.setattr(
        type(run), "decode", lambda self, z: decoded.append(z) or np.zeros((len(z), 1))
    )
    rng = np.random.default_rng(0)
    monkeypatch.setattr(type(run), "encode", lambda self, x: rng.random((len(x), 3)))
    _centrality._cross_scores(run, [load_run(sweep / "a")], 5, [0, 0])
    assert len(decoded[0]) == _centrality.NUM_IMAGES
    codes = np.concatenate(decoded[1:]).reshape(10, _centrality.VOTE_SIZE, -1)
    still = np.ptp(codes, axis=1) == 0.0
    np.testing.assert_array_equal(still[:, :4].sum(axis=1), 1)
    np.testing.assert_array_equal(still.argmax(axis=1), np.arange(10) % 2)
    values = codes[np.arange(10), 0, np.arange(10) % 2]
    assert len(set(values)) == 10


def test_a_folder_without_two_runs_is_refused(tmp_path, sweep):
    with pytest.raises(UserError, match=r"number of runs in .*: 0, and no such two"):
        _centrality.compare_runs(tmp_path, 4, 0)
    run_tiny(tmp_path / "only", tiny_model("vae"), num_steps=5, checkpoint_every=5)
    with pytest.raises(UserError, match=r"number of runs in .*: 1, and no such two"):
        _centrality.compare_runs(tmp_path, 4, 0)


def test_own_images_are_known_by_their_path():
    def of(path):
        meta = {"config": {"data": {"name": "npz", "path": path}}, "weights": {}}
        return _centrality._data_of(vsc_jax.Run(tiny_model(), {}, 0, meta))

    assert of("a.npz") == of("a.npz") != of("b.npz")
