"""DIP-VAE: a VAE whose codes are held to be uncorrelated, of variance one.

    python -m experiments.run --config=configs/dip_vae.py:sprites,laptop
    python -m experiments.run --config=configs/dip_vae.py:dsprites \
        --config.data.path=FOLDER

Data: `dsprites` (the default), `sprites` (the same images without the download) and
`mnist_5k` (5,000 digits without a download, 20,000 steps).
`ii` is DIP-VAE-II, which takes the covariance of q(z) in place of that of its means.
`laptop` is our own budget, see `laptop` in `configs/base.py`.

Full budget: 300,000 steps of 64 images with Adam at 1e-4, as in the study of
https://github.com/google-research/disentanglement_lib, whose weights of 1 to 50 off the
diagonal are tried with ten times as much on it (variant II: as much); 10 is taken here.

Source: Kumar et al., https://arxiv.org/abs/1711.00848.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("dsprites", "sprites", "mnist_5k")


def get_config(argument: str = "") -> ConfigDict:
    """One of the data sets, `ii`, `laptop` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=(*DATA, "ii", "laptop"))
    config = base.get_config("dip_vae")
    data = base.one_of(words, DATA, "dsprites")
    config.model.network = "conv"
    config.model.initializer = "tf_slim"
    if "ii" in words:
        config.model.variant = "ii"
        config.weights.diagonal_weight = config.weights.off_diagonal_weight
    config.optimizer.learning_rate = 1e-4
    config.train.num_steps = 300_000
    base.digits_or_factors(config, data)
    if "laptop" in words:
        base.laptop(config)
        config.weights.off_diagonal_weight /= 2  # as all weights of this budget
        config.weights.diagonal_weight /= 2
    return base.quick(config) if "quick" in words else config
