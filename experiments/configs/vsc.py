"""ConvVSC on procedurally rendered 32-pixel sprites: the default run, no download.

    python -m experiments.run --config=configs/vsc.py
    python -m experiments.run --config=configs/vsc.py --config.data.image_size=64

Settings are our own choice: `log_sigmoid` gates, which do not get stuck on, and a
prior and beta at which few latents are on for an image.
"""

from ml_collections import ConfigDict

from experiments.configs import base


def get_config(argument: str = "") -> ConfigDict:
    """`quick` is the size that a test runs."""
    words = base.parse_argument(argument)
    config = base.get_config("vsc")
    config.data.name = "sprites"
    config.data.image_size = 32
    config.model.network = "conv"
    config.model.latent_dim = 32
    config.model.gate = "log_sigmoid"
    config.weights.prior_slab_prob = 0.1
    config.weights.beta = 2.0
    config.weights.sharpness = 50.0
    config.train.num_steps = 8_000
    config.train.batch_size = 64
    config.train.log_every = 100
    config.train.checkpoint_every = 2_000
    config.evaluation.num_test = 2_000
    return base.quick(config) if "quick" in words else config
