"""What the command says to wrong input: one line each, and exit status 2."""

import re

import command_line
import pytest

from experiments import _flags

VSC = "--config=configs/vsc.py:quick"
DIGITS = "--config=configs/vsc_mlp.py:digits,quick"
POINTS = "--config=configs/pinwheel.py:quick"
PRIOR = "--config.model.prior"

# Name -> the words behind the command, and what the error says, a regular expression.
CASES: dict[str, tuple[list[str], str]] = {
    "no config": ([], "--config is missing; try --config=configs/vsc.py."),
    "missing config": (
        ["--config=configs/vcs.py"],
        r"there is no config file configs/vcs.py; the ones .* are configs/.*vsc\.py",
    ),
    "config is a folder": (["--config=/tmp"], "there is no config file /tmp; "),
    "config in two words": (["--config", "configs/vcs.py"], "there is no config file"),
    "syntax error": (
        ["--config=syntax_error.py"],
        r"config file syntax_error.py cannot be loaded: SyntaxError: .*line 1",
    ),
    "no get_config": (
        ["--config=empty.py"],
        "config file empty.py has no function get_config.",
    ),
    "bad config code": (
        ["--config=attribute_error.py"],
        "config file attribute_error.py: .* has no attribute 'nothing'",
    ),
    "unknown argument": (
        ["--config=configs/vsc.py:foo"],
        "config file .*vsc.py: 'foo' is not an argument of this config; it knows q",
    ),
    "stray words": (
        [VSC, "hello", "world"],
        "unexpected words hello world; every flag begins with --.",
    ),
    "unknown flag": ([VSC, "--wrkdir=x"], "Unknown .*'wrkdir'. Did you mean: workdir"),
    "unknown field": (
        [VSC, "--config.sed=1"],
        r"the config has no field sed. Did you mean seed\?",
    ),
    "unknown field, far from all": (
        [VSC, "--config.qwertz=1"],
        "the config has no field qwertz. It has data, evaluation, model, optimizer, ",
    ),
    "unknown nested field": (
        [VSC, "--config.model.latentdim=1"],
        "the config has no field model.latentdim. Did you mean model.latent_dim"
        r"\? model has .*hidden,",
    ),
    "unknown group": (
        [VSC, "--config.modle.latent_dim=1"],
        r"the config has no field modle.latent_dim. Did you mean model.latent_dim\?",
    ),
    "field without its group": (
        [VSC, "--config.beta=1"],
        r"the config has no field beta. Did you mean schedules.beta or weights.beta\?",
    ),
    "field of another model": (
        [VSC, "--config.model.num_pseudo_inputs=1"],
        "the config has no field model.num_pseudo_inputs. model has .*",
    ),
    "not an int": (
        [VSC, "--config.train.num_steps=abc"],
        "train.num_steps must be a whole number, got 'abc'.",
    ),
    "a fraction for an int": (
        [VSC, "--config.train.num_steps=1.5"],
        "train.num_steps must be a whole number, got '1.5'.",
    ),
    "not a float": (
        [VSC, "--config.weights.beta=x"],
        "weights.beta must be a number, got 'x'.",
    ),
    "not a bool": (
        [VSC, "--config.train.shuffle=maybe"],
        "train.shuffle must be true or false, got 'maybe'.",
    ),
    "not a tuple": (
        [VSC, "--config.model.hidden=(8,"],
        r"model.hidden must be a tuple such as \(1,2\), got '\(8,'.",
    ),
    "a value for a group": (
        [VSC, "--config.model=3"],
        r"model is a group of fields; set one of them, such as --config.model\.",
    ),
    "beta below zero": (
        [VSC, "--config.weights.beta=-1"],
        "weights.beta must be at least 0, got -1.",
    ),
    "beta is nan": (
        [VSC, "--config.weights.beta=nan"],
        "weights.beta must be at least 0, got nan.",
    ),
    "prior_slab_prob 0": (
        [VSC, "--config.weights.prior_slab_prob=0"],
        "weights.prior_slab_prob must be larger than 0 and smaller than 1, got 0.",
    ),
    "prior_slab_prob 1": (
        [VSC, "--config.weights.prior_slab_prob=1"],
        "weights.prior_slab_prob must be larger than 0 and smaller than 1, got 1.",
    ),
    "latent_dim 0": (
        [VSC, "--config.model.latent_dim=0"],
        "model.latent_dim must be at least 1, got 0.",
    ),
    "a schedule out of range": (
        [DIGITS, "--config.schedules.prior_slab_prob=('linear',0.5,-1.0,0,10)"],
        "weights.prior_slab_prob must be larger than 0 and smaller than 1 at all steps "
        "of schedules.prior_slab_prob, got -0.4.",
    ),
    "a schedule with too few values": (
        [DIGITS, "--config.schedules.beta=('linear',1,2)"],
        r"schedules.beta: schedule 'linear' takes \(start, end, begin_step, end_step\)",
    ),
    "network of width 0": (
        [DIGITS, "--config.model.hidden=(0,)"],
        r"hidden must be positive whole numbers, got \(0,\).",
    ),
    "unknown gate": (
        [DIGITS, "--config.model.gate=foo"],
        "gate must be 'relu' or 'log_sigmoid', got 'foo'.",
    ),
    "unknown optimizer": (
        [DIGITS, "--config.optimizer.name=adm"],
        "optimizer must be 'adam', 'amsgrad' or 'sgd', got 'adm'.",
    ),
    "unknown parallel": (
        [DIGITS, "--config.train.parallel=pjit"],
        "parallel must be 'shard_map' or 'pmap', got 'pjit'.",
    ),
    "batch and devices": (
        [DIGITS, "--config.train.batch_size=15"],
        "batch_size must be a multiple of the number of devices, 8, for example 16, "
        "got 15.",
    ),
    "batch and data": (
        [DIGITS, "--config.train.batch_size=800"],
        "batch_size must be at most the number of training images, 256, got 800.",
    ),
    "more images than there are": (
        [DIGITS, "--config.data.num_train=5000"],
        r"num_train of digits must be in 1..1437, got 5000.",
    ),
    "unknown data set": (
        [VSC, "--config.data.name=sprits"],
        r"unknown data set 'sprits'. Did you mean 'sprites'\? Known: .*celeb_a, ",
    ),
    "no path": (
        [VSC, "--config.data.name=npz"],
        "npz needs a path to an .npz file: .* --config.data.path=",
    ),
    "nothing at the path": (
        [VSC, "--config.data.name=npz", "--config.data.path=/nowhere/x.npz"],
        "npz needs an .npz file, but nothing is at /nowhere/x.npz.",
    ),
    "unknown model": (
        [DIGITS, "--config.model.name=vcs"],
        "model must be one of autoencoder, .*, decomposition_vae, got 'vcs'.",
    ),
    "another model": (
        [DIGITS, "--config.model.name=vae"],
        "the model vae has no gate; take a config of this model instead of changing",
    ),
    "unknown prior": (
        [POINTS, f"{PRIOR}.name=student"],
        "model.prior.name must be one of standard_normal, .*learned_pca, got 'student'",
    ),
    "a prior is a group": (
        [POINTS, f"{PRIOR}=student_t"],
        r"model.prior is a group of fields; set one of them, such as --config.model\.",
    ),
    "unknown field of the prior": (
        [POINTS, f"{PRIOR}.dof=5"],
        r"the config has no field model.prior.dof. Did you mean model.prior.df\?",
    ),
    "prior of another model": (
        [DIGITS, f"{PRIOR}.name=student_t"],
        "the config has no field model.prior.name. ",
    ),
    "df below zero": (
        [POINTS, f"{PRIOR}.name=student_t", f"{PRIOR}.df=-1"],
        "model.prior.df must be larger than 0, got -1.",
    ),
    "spike_weight 1": (
        [POINTS, f"{PRIOR}.spike_weight=1"],
        "model.prior.spike_weight must be at least 0 and smaller than 1, got 1.",
    ),
    "spike_stddev 0": (
        [POINTS, f"{PRIOR}.spike_stddev=0"],
        "model.prior.spike_stddev must be larger than 0 and at most 1, got 0.",
    ),
    "component_variance is nan": (
        [POINTS, f"{PRIOR}.component_variance=nan"],
        "model.prior.component_variance must be larger than 0, got nan.",
    ),
    "variances of another number of latents": (
        [POINTS, f"{PRIOR}.name=gaussian", f"{PRIOR}.variances=(1.,2.,3.)"],
        "model.prior.variances must have 1 value or one per latent, 2, got 3.",
    ),
    "a variance below zero": (
        [POINTS, f"{PRIOR}.name=gaussian", f"{PRIOR}.variances=(1.,-2.)"],
        "variances must be finite and above 0, got -2.0.",
    ),
    "a mixture in other dimensions": (
        [POINTS, "--config.model.latent_dim=3"],
        r"latent_dim is 3, but the means of the components have shape \(4, 2\), expect",
    ),
    "more components than the data have": (
        [POINTS, f"{PRIOR}.name=pca", "--config.model.latent_dim=3"],
        "model.prior.name pca: ",
    ),
    "unknown scale": (
        [POINTS, "--config.model.scale=variance"],
        "scale must be 'log_var' or 'softplus_stddev', got 'variance'.",
    ),
    "unknown divergence": (
        [POINTS, "--config.model.divergence=kl"],
        "divergence must be one of none, mmd, .*, got 'kl'.",
    ),
    "divergence_weight below zero": (
        [POINTS, "--config.weights.divergence_weight=-1"],
        "weights.divergence_weight must be at least 0, got -1.",
    ),
    "a Bernoulli of any number": (
        [POINTS, "--config.model.likelihood=bernoulli"],
        "mean_function must be 'sigmoid' for the likelihood 'bernoulli', got 'identity",
    ),
    "points have no size": (
        [POINTS, "--config.data.image_size=32"],
        "pinwheel has points, not images; image_size must be left out, got 32.",
    ),
    "points have no norm": (
        [POINTS, "--config.data.normalization=unit_norm"],
        "pinwheel has points, not images; normalization must be none, got 'unit_norm'.",
    ),
    "points in convolutions": (
        [POINTS, "--config.model.network=dcgan"],
        r"image_shape \(1, 2, 1\) has no default channels",
    ),
    "batch normalisation in another method": (
        [DIGITS, "--config.model.network=dcgan"],
        "network must be 'mlp' or 'conv' for VSC, whose loss keeps no statistics",
    ),
    "workdir below a file": (
        [DIGITS, "--workdir=empty.py/run"],
        "cannot write to workdir .*empty.py/run: Not a directory; choose another",
    ),
    "images too small for convolutions": (
        [DIGITS, "--config.model.network=conv"],
        r"image_shape \(8, 8, 1\) has no default channels",
    ),
}
# Several lines, because they list where data were looked for and how to get them.
LONG = {
    "missing data": ["--config=configs/vsc_mlp.py:mnist,quick"],
    "missing faces": ["--config=configs/vsc_celeba32.py:quick"],
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cwd")
    (folder / "syntax_error.py").write_text("def get_config(:\n")
    (folder / "empty.py").write_text("")
    (folder / "attribute_error.py").write_text(
        "import math\ndef get_config():\n    return math.nothing\n"
    )
    cases = {name: words for name, (words, _) in CASES.items()} | LONG
    outcomes = command_line.run_all(cases, folder, num_devices=8)
    outcomes["folder"] = sorted(path.name for path in folder.rglob("*.jsonl"))
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_one_line_and_exit_status_2(name, outcomes):
    outcome = outcomes[name]
    (line,) = outcome.stderr.splitlines()
    assert re.match(f"error: {CASES[name][1]}", line), line
    assert outcome.code == _flags.EXIT_BAD_INPUT == 2
    assert "Traceback" not in outcome.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_missing_data_says_what_was_looked_for_and_how_to_get_it(name, outcomes):
    outcome = outcomes[name]
    assert outcome.code == 2
    assert outcome.stdout == ""
    lines = outcome.stderr.splitlines()
    assert lines[0].startswith("error: the data set ")
    assert len(lines) == 4
    assert "--config.data.path=" in lines[3]
    assert "Traceback" not in outcome.stderr


@pytest.mark.slow
def test_nothing_was_trained(outcomes):
    assert outcomes["folder"] == []


def test_a_config_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = _flags.resolve_config_path("configs/vsc.py:quick,more")
    assert found.endswith("experiments/configs/vsc.py:quick,more")
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "vsc.py").write_text("")
    assert _flags.resolve_config_path("configs/vsc.py") == "configs/vsc.py"


def test_flatten():
    nested = {"a": 1, "b": {"c": (2,), "d": {"e": "x"}}}
    assert _flags.flatten(nested) == {"a": 1, "b.c": (2,), "b.d.e": "x"}
