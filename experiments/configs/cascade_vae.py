"""CascadeVAE: latents relieved one by one, then a category assigned per batch.

    python -m experiments.run --config=configs/cascade_vae.py:sprites,laptop
    python -m experiments.run --config=configs/cascade_vae.py:dsprites \
        --config.data.path=FOLDER

Data: `dsprites` (the default) and `sprites` (the same images without the download).
`mnist` and `mnist_5k` are our own choice in all: neither the settings of the paper's
digits nor their code were at hand, so they have those of dSprites with 32 pixels and 10
categories. `m4` takes 4 latents with beta_low = 2, the other published row; the default
has 6 with beta_low = 1. `laptop` is our own budget, see `experiments/RESULTS.md`: 32
pixels, a shorter cascade, and betas of sprites that are tuned, in some twenty runs.

Full budget as in the authors' code: 300,000 steps of 64 images, Adam at a constant 1e-4
(its decay of the rate is never executed), its moments started afresh at each relief, L2
of 4e-5 on kernels. The paper's numbers: score 90.5 +- 5.3 and accuracy 78.8 +- 15.7
(m = 6), 91.3 +- 7.4 and 76.0 +- 22.2 (m = 4), 10 seeds.

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
        config.cascade.stage_steps = 3_000
        if data == "sprites":  # tuned, see `base.laptop`
            config.weights.beta_high /= 2
            # Position is found at the published weight, which turns its latents along
            # the axes; at that weight orientation would not be worth its KL.
            begin = config.weights.beta_low
            halved = ("piecewise_constant", (6_000,), (begin, begin / 2))
            config.schedules.beta_low = halved
            config.weights.beta_low = begin / 2
    return base.quick(config) if "quick" in words else config
