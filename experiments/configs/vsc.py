"""ConvVSC on procedurally rendered sprites: the default run."""

from ml_collections import ConfigDict

from experiments.configs import base


def get_config(argument: str = "") -> ConfigDict:
    """`quick` is the size that a test runs."""
    words = base.parse_argument(argument)
    config = base.get_config("vsc")
    config.data.name = "sprites"
    config.data.image_size = 64
    config.model.network = "conv"
    config.model.latent_dim = 32
    config.model.gate = "log_sigmoid"
    config.weights.prior_slab_prob = 0.1
    config.weights.beta = 1.0
    config.weights.sharpness = 50.0
    config.train.num_steps = 3_000
    config.train.batch_size = 64
    config.train.log_every = 20
    config.train.checkpoint_every = 500
    config.evaluation.num_test = 2_000
    return base.quick(config) if "quick" in words else config
