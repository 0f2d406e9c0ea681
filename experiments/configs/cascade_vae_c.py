"""CascadeVAE-C: the cascade with Gaussian latents alone, 10 of them.

    python -m experiments.run --config=configs/cascade_vae_c.py:sprites,laptop
    python -m experiments.run --config=configs/cascade_vae_c.py:dsprites \
        --config.data.path=FOLDER

One latent is relieved every 20,000 steps, the first from the start; there is no
category. All else is as in `cascade_vae.py`, from the same source. `laptop` is our own
budget, with half of the published betas; none of its own was tried.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("dsprites", "sprites")


def get_config(argument: str = "") -> ConfigDict:
    """One of the data sets, `laptop` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=(*DATA, "laptop"))
    config = base.get_config("cascade_vae")
    base.score_factors(config, base.one_of(words, DATA, "dsprites"))
    config.model.network = "conv"
    config.model.initializer = "tf_slim"
    config.model.latent_dim = 10
    config.model.category_sizes = ()
    config.optimizer.learning_rate = 1e-4
    config.optimizer.l2 = 4e-5
    config.train.num_steps = 300_000
    if "laptop" in words:
        base.laptop(config)
        config.cascade.stage_steps = 3_000
        config.weights.beta_high /= 2
        config.weights.beta_low /= 2
    return base.quick(config) if "quick" in words else config
