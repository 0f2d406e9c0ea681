"""CascadeVAE: latents relieved one by one, then a category assigned per batch.

    python -m experiments.run --config=configs/cascade_vae.py:sprites,laptop
    python -m experiments.run --config=configs/cascade_vae.py:dsprites \
        --config.data.path=FOLDER

Data: `dsprites` (the default) and `sprites` (the same images without the download).
`mnist` and `mnist_5k` are our own choice in all: neither the settings of the paper's
digits nor their code were at hand, so they have those of dSprites with 32 pixels and 10
categories. `m4` takes 4 latents with beta_low = 2, the other published row; the default
has 6 with beta_low = 1. `laptop` is our own budget, see `experiments/RESULTS.md`: 32
pixels, a shorter cascade, and for sprites a beta_low that is strict, then loose, then
between, one of 120 schedules that were tried with three seeds. There `m4` changes the
number of latents alone, and was not run.

Full budget as in the authors' code: 300,000 steps of 64 images, Adam at a constant 1e-4
(its decay of the rate is never executed), its moments started afresh at each relief, L2
of 4e-5 on kernels. The paper's numbers: score 90.5 +- 5.3 and accuracy 78.8 +- 15.7
(m = 6), 91.3 +- 7.4 and 76.0 +- 22.2 (m = 4), 10 seeds. Ours with these settings
(m = 6, sprites, 8 seeds on an H100, by a script that differs in four points, see
`experiments/RESULTS.md`): 80.5 +- 8.3 and 58.9 +- 11.2.

Source: Jeong & Song, https://arxiv.org/abs/1905.09432;
https://github.com/snu-mllab/DisentanglementICML19.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("dsprites", "sprites", "mnist_5k", "mnist")


def get_config(argument: str = "") -> ConfigDict:
    """One of the data sets, `m4`, `laptop` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=(*DATA, "m4", "laptop"))
    config = base.get_config("cascade_vae")
    data = base.one_of(words, DATA, "dsprites")
    base.score_factors(config, data)
    config.model.network = "conv"
    config.model.initializer = "tf_slim"
    config.model.latent_dim = 4 if "m4" in words else 6
    config.weights.beta_low = 2.0 if "m4" in words else 1.0
    if data.startswith("mnist"):
        config.data.image_size = 32
        config.model.category_sizes = (10,)
    config.optimizer.learning_rate = 1e-4
    config.optimizer.l2 = 4e-5
    config.train.num_steps = 300_000
    if "laptop" in words:
        base.laptop(config)
        if data == "sprites":
            _strict_loose_between(config)
        else:
            config.cascade.stage_steps = 3_000
    return base.quick(config) if "quick" in words else config


def _strict_loose_between(config: ConfigDict) -> None:
    """The schedule of 32-pixel sprites.

    Strict, two latents share the position, along the axes, and a third is the size.
    Loose, position gets so sharp that the tilt is worth latents, its cosine and its
    sine, so that it is not folded before the category is switched on.
    """
    config.cascade.num_first = 2
    config.cascade.stage_steps = 1_500
    config.cascade.warmup_stages = 14
    config.cascade.reset_moments = False
    values = (4.0, 0.005, 0.1)
    config.schedules.beta_low = ("piecewise_constant", (6_000, 24_000), values)
    config.weights.beta_low = values[-1]
    config.weights.beta_high = 40.0
    config.schedules.learning_rate = ("piecewise_constant", (34_000,), (1e-3, 2e-4))
    config.train.num_steps = 40_000
    config.train.checkpoint_every = 10_000
