"""What a config stands for, checked before anything is written."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict
from tiny_runs import read_log

from experiments import _job
from experiments import run as command
from experiments._errors import UserError
from experiments._job import LOGGED_SCORES, build, context_of, train
from experiments.configs import cascade_vae, vsc_mlp
from vsc_jax import load_run
from vsc_jax.evaluation import MODEL_SCORES


def test_the_context_is_that_of_the_step():
    config: ConfigDict = vsc_mlp.get_config("digits,quick")
    config.seed = 3
    config.schedules.beta = ("linear", 1.0, 5.0, 0, config.train.num_steps)
    job = build(config)
    params = jax.jit(job.model.init)(jax.random.key(0))
    num_steps = config.train.num_steps
    context = context_of(job, params, num_steps)
    assert context.seed == 3
    assert float(context.weights["beta"]) == 5.0
    assert float(context_of(job, params, num_steps // 2).weights["beta"]) == 3.0
    rows = context.dataset.test_indices[:2]
    assert context.encode(rows).mean.shape == (2, job.model.latent_dim)


def test_disentanglement_is_logged_while_training(tmp_path):
    assert {score.name for score in MODEL_SCORES} > set(LOGGED_SCORES)
    config: ConfigDict = cascade_vae.get_config("sprites,laptop,quick")
    config.model.hidden = (8,)
    config.evaluation.figures = False
    command.run(config, tmp_path, show_progress=False)
    scored = [line for line in read_log(tmp_path) if "factor_vae_score" in line]
    assert len(scored) >= 2
    for line in scored:
        assert all(0.0 <= line[name] <= 1.0 for name in LOGGED_SCORES)
        assert np.isfinite(line["loss"])


def test_categories_are_scored_once_they_are_in_use(tmp_path):
    config: ConfigDict = cascade_vae.get_config("sprites,laptop,quick")
    config.model.hidden = (8,)
    config.evaluation.figures = False
    config.train.log_every = config.train.checkpoint_every = 1
    config.evaluation.score_every = 1
    config.cascade.warmup_stages = last = config.train.num_steps
    command.run(config, tmp_path, show_progress=False)
    for line in read_log(tmp_path):
        assert "factor_vae_score" in line
        assert ("unsupervised_accuracy" in line) == (line["step"] == last)
    early, late = load_run(tmp_path, step=last - 1), load_run(tmp_path)
    assert early.weights["use_categories"] == 0.0
    assert late.weights["use_categories"] == 1.0


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("metrics", ("migg",), r"unknown score migg; known: .*mig"),
        ("metrics", (1,), r"unknown score 1; known: .*mig"),
        ("aggregate_images", 1, r"aggregate_images must be .* at least 2"),
    ],
)
def test_scores_are_checked_before_training(field, value, message, tmp_path):
    config: ConfigDict = vsc_mlp.get_config("digits,quick")
    config.evaluation[field] = value
    with pytest.raises(UserError, match=message):
        command.run(config, tmp_path / "run", show_progress=False)
    assert not (tmp_path / "run").exists()


def test_a_bug_keeps_its_traceback_and_another_run_is_the_users(tmp_path, monkeypatch):
    def fails(scores):
        raise ValueError("a bug in a score")

    config: ConfigDict = vsc_mlp.get_config("digits,quick")
    with monkeypatch.context() as patch:
        patch.setattr(_job, "score_scalars", fails)
        config.evaluation.score_every = 3
        with pytest.raises(ValueError, match="a bug in a score"):
            train(build(config), config, tmp_path, show_progress=False)
    config.evaluation.score_every = 0
    train(build(config), config, tmp_path, show_progress=False)
    config.train.num_steps -= 1
    with pytest.raises(UserError, match=r"at step \d already; num_steps must be"):
        train(build(config), config, tmp_path, show_progress=False)
