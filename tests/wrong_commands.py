"""Wrong words behind `python -m experiments.run`, and what it says to them."""

VSC = "--config=configs/vsc.py:quick"
CONV = "--config=configs/vsc.py:conv,quick"
DIGITS = "--config=configs/vsc_mlp.py:digits,quick"
POINTS = "--config=configs/pinwheel.py:quick"
PRIOR = "--config.model.prior"

# Name -> the words behind the command, and what the error says, a regular expression.
CASES: dict[str, tuple[list[str], str]] = {
    "no config": ([], "--config is missing; try --config=configs/vsc.py."),
    "a field without a config": (["--config.seed=1"], "--config is missing; try"),
    "missing config": (
        ["--config=configs/vcs.py"],
        r"there is no config file configs/vcs.py. Did you mean configs/vsc.py\? The "
        r"ones .* are configs/.*vsc\.py",
    ),
    "a config by its name alone": (
        ["--config=vcs"],
        r"there is no config file vcs. Did you mean configs/vsc.py\?",
    ),
    "two configs": (
        [VSC, "--config=configs/pinwheel.py"],
        "--config must be given once, got configs/vsc.py:quick and configs/pinwheel.py",
    ),
    "two configs in two words": (
        ["--config", "configs/vsc.py", VSC],
        "--config must be given once, got configs/vsc.py and configs/vsc.py:quick.",
    ),
    "no ConfigDict": (
        ["--config=returns_none.py"],
        "config file returns_none.py: get_config must return a ConfigDict, got None; ",
    ),
    "a dict": (
        ["--config=returns_a_dict.py"],
        "config file .*: get_config must return a ConfigDict, got {'seed': 1}; begin w",
    ),
    "a field that a file adds": (
        ["--config=adds_a_field.py"],
        "config file adds_a_field.py: the config has no field train.log_evry. Did you "
        r"mean train.log_every\? train has .*log_every",
    ),
    "a field that a file lacks": (
        ["--config=lacks_a_field.py"],
        "config file lacks_a_field.py: it has no field train.log_every; begin with exp",
    ),
    "a field of another type in a file": (
        ["--config=another_type.py"],
        r"config file .*: evaluation.metrics must be a tuple such as \(1,2\), got",
    ),
    "a file that is named like a module": (
        ["--config=random.py", "--config.train.num_steps=0"],
        "train.num_steps must be a whole number of at least 1 and at most 2147483647, ",
    ),
    "a value in whose place is a schedule": (
        ["--config=configs/n_vae.py:digits,quick", "--config.weights.beta=2"],
        r"weights.beta would have no effect, for schedules.beta=\('linear', .* takes "
        r"its place; set --config.schedules.beta instead, or --config.schedules.beta=",
    ),
    "config is a folder": (["--config=/tmp"], "there is no config file /tmp. "),
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
        "config file attribute_error.py: AttributeError: .* has no attribute 'nothing'",
    ),
    "unknown argument": (
        ["--config=configs/vsc.py:foo"],
        "config file .*vsc.py: 'foo' is not an argument of this config. It knows c",
    ),
    "an argument with a typo": (
        ["--config=configs/vsc_mlp.py:digts"],
        r"config file .*: 'digts' is not .* of this config. Did you mean 'digits'\? It",
    ),
    "stray words": (
        [VSC, "hello", "world"],
        "unexpected words hello world; every flag begins with --.",
    ),
    "unknown flag": ([VSC, "--wrkdir=x"], "Unknown .*'wrkdir'. Did you mean: workdir"),
    "a field in place of a flag": (
        [VSC, "--beta=5"],
        r"unknown flag --beta. Did you mean --config.weights.beta\?",
    ),
    "a field with a typo in place of a flag": (
        [VSC, "--latentdim=5"],
        r"unknown flag --latentdim. Did you mean --config.model.latent_dim\?",
    ),
    "unknown field": (
        [VSC, "--config.sed=1"],
        r"the config has no field sed. Did you mean seed\?",
    ),
    "unknown field, far from all": (
        [VSC, "--config.qwertz=1"],
        "the config has no field qwertz. It has cascade, data, evaluation, log, ",
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
    "a text for a tuple": (
        [VSC, "--config.evaluation.metrics=mig,sap"],
        r"evaluation.metrics must be a tuple, got 'mig,sap'; write \('mig', 'sap'\)\.",
    ),
    "a number for a tuple, in two words": (
        [VSC, "--config.optimizer.reset_moments_at", "2"],
        r"optimizer.reset_moments_at must be a tuple, got '2'; write \(2,\)\.",
    ),
    "a tuple of another type": (
        [VSC, "--config.optimizer.reset_moments_at=('a',)"],
        "optimizer.reset_moments_at must be a whole number of at least 0, got 'a'.",
    ),
    "unknown metric": (
        [DIGITS, "--config.evaluation.metrics=('nope',)"],
        "unknown score nope; known: .*mig",
    ),
    "a value for a group": (
        [VSC, "--config.model=3"],
        r"model is a group of fields; set one of them, such as --config.model\.",
    ),
    "a dict for a group": (
        [VSC, "--config.weights={}"],
        "weights is a group of fields; set one of them, such as --config.weights.beta=",
    ),
    "an empty workdir": ([VSC, "--workdir="], "--workdir is empty; name a folder, or"),
    "two workdirs": (
        [VSC, "--workdir=a", "--workdir", "b"],
        "--workdir must be given once, got a and b.",
    ),
    "beta below zero": (
        [CONV, "--config.weights.beta=-1"],
        "weights.beta must be at least 0, got -1.",
    ),
    "beta is nan": (
        [CONV, "--config.weights.beta=nan"],
        "weights.beta must be at least 0, got nan.",
    ),
    "prior_slab_prob 0": (
        [CONV, "--config.weights.prior_slab_prob=0"],
        "weights.prior_slab_prob must be above 0 and below 1, got 0.",
    ),
    "prior_slab_prob 1": (
        [CONV, "--config.weights.prior_slab_prob=1"],
        "weights.prior_slab_prob must be above 0 and below 1, got 1.",
    ),
    "latent_dim 0": (
        [VSC, "--config.model.latent_dim=0"],
        "model.latent_dim must be a whole number of at least 1, got 0.",
    ),
    "a schedule out of range": (
        [DIGITS, "--config.schedules.prior_slab_prob=('linear',0.5,-1.0,0,10)"],
        "weights.prior_slab_prob must be above 0 and below 1 at all steps of "
        "schedules.prior_slab_prob, got -0.1 at step 4.",
    ),
    "a schedule with too few values": (
        [DIGITS, "--config.schedules.beta=('linear',1,2)"],
        r"schedules.beta: schedule 'linear' takes \(start, end, begin_step, end_step\)",
    ),
    "network of width 0": (
        [DIGITS, "--config.model.hidden=(0,)"],
        "model.hidden must be a whole number of at least 1, got 0.",
    ),
    "unknown gate": (
        [DIGITS, "--config.model.gate=foo"],
        "model.gate must be 'relu' or 'log_sigmoid', got 'foo'.",
    ),
    "unknown optimizer": (
        [DIGITS, "--config.optimizer.name=adm"],
        "optimizer.name must be one of adam, amsgrad, sgd, nesterov, got 'adm'.",
    ),
    "unknown parallel": (
        [DIGITS, "--config.train.parallel=pjit"],
        "train.parallel must be 'shard_map' or 'pmap', got 'pjit'.",
    ),
    "batch and devices": (
        [DIGITS, "--config.train.batch_size=15"],
        "train.batch_size must be a multiple of the number of devices, 8, for "
        "example 16, got 15.",
    ),
    "batch and data": (
        [DIGITS, "--config.train.batch_size=800"],
        "train.batch_size must be at most the number of training images, 256, got 800.",
    ),
    "more images than there are": (
        [DIGITS, "--config.data.num_train=5000"],
        r"data.num_train of digits must be in 1..1437, got 5000.",
    ),
    "unknown data set": (
        [VSC, "--config.data.name=sprits"],
        r"unknown data set 'sprits'. Did you mean 'sprites'\? Known: .*celeb_a, ",
    ),
    "a download that is not known": (
        [VSC, "--config.data.name=celeb_a", "--config.data.download=true"],
        r"data\.download must be False for celeb_a: no files are known for it with",
    ),
    "no path": (
        [VSC, "--config.data.name=npz"],
        "npz needs a path to an .npz file: .* --config.data.path=",
    ),
    "nothing at the path": (
        [VSC, "--config.data.name=npz", "--config.data.path=/nowhere/x.npz"],
        "npz needs an .npz file, but nothing is at /nowhere/x.npz; say where",
    ),
    "unknown model": (
        [DIGITS, "--config.model.name=vcs"],
        r"model.name must be one of autoencoder, .*, got 'vcs'\.",
    ),
    "another model": (
        [DIGITS, "--config.model.name=autoencoder"],
        "the model autoencoder has no gate; take a config of this model ins",
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
        "model.prior.df must be above 0, got -1.",
    ),
    "spike_weight 1": (
        [POINTS, f"{PRIOR}.spike_weight=1"],
        "model.prior.spike_weight must be at least 0 and below 1, got 1.",
    ),
    "spike_stddev 0": (
        [POINTS, f"{PRIOR}.spike_stddev=0"],
        "model.prior.spike_stddev must be above 0 and at most 1, got 0.",
    ),
    "component_variance is nan": (
        [POINTS, f"{PRIOR}.component_variance=nan"],
        "model.prior.component_variance must be above 0, got nan.",
    ),
    "variances of another number of latents": (
        [POINTS, f"{PRIOR}.name=gaussian", f"{PRIOR}.variances=(1.,2.,3.)"],
        "model.prior.variances must have 1 value or one per latent, 2, got 3.",
    ),
    "a variance below zero": (
        [POINTS, f"{PRIOR}.name=gaussian", f"{PRIOR}.variances=(1.,-2.)"],
        "model.prior.variances must be above 0, got -2.",
    ),
    "a mixture in other dimensions": (
        [POINTS, "--config.model.latent_dim=3"],
        r"model.latent_dim is 3, but the means of the components have shape \(4, 2",
    ),
    "more components than the data have": (
        [POINTS, f"{PRIOR}.name=pca", "--config.model.latent_dim=3"],
        "model.prior.name pca: ",
    ),
    "unknown scale": (
        [POINTS, "--config.model.scale=variance"],
        "model.scale must be 'log_var' or 'softplus_stddev', got 'variance'.",
    ),
    "unknown divergence": (
        [POINTS, "--config.model.divergence=kl"],
        "model.divergence must be one of none, mmd, .*, got 'kl'.",
    ),
    "divergence_weight below zero": (
        [POINTS, "--config.weights.divergence_weight=-1"],
        "weights.divergence_weight must be at least 0, got -1.",
    ),
    "a Bernoulli of any number": (
        [POINTS, "--config.model.likelihood=bernoulli"],
        "model.mean_function must be 'sigmoid' for the likelihood 'bernoulli', got",
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
        r"model.image_shape \(1, 2, 1\) has no default channels",
    ),
    "batch normalisation in another method": (
        [DIGITS, "--config.model.network=dcgan"],
        "model.network must be 'mlp' or 'conv' for VSC, whose loss keeps no statistics",
    ),
    "workdir below a file": (
        [DIGITS, "--workdir=empty.py/run"],
        "cannot write to workdir .*empty.py/run: Not a directory; choose another",
    ),
    "images too small for convolutions": (
        [DIGITS, "--config.model.network=conv"],
        r"model.image_shape \(8, 8, 1\) has no default channels",
    ),
}
# Configs of a user: name -> the line in the middle.
FILES = {
    "returns_none.py": "config = None",
    "returns_a_dict.py": "config = {'seed': 1}",
    "adds_a_field.py": "config.train.log_evry = 5",
    "lacks_a_field.py": "del config.train.log_every",
    "another_type.py": "config.evaluation = {**config.evaluation, 'metrics': 'mig'}",
    "random.py": "pass",
}
# Several lines, because they list where data were looked for and how to get them.
LONG = {
    "missing data": ["--config=configs/vsc_mlp.py:mnist,quick"],
    "missing faces": ["--config=configs/vsc_celeba32.py:quick"],
}
