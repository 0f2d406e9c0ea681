"""A deterministic autoencoder: what the images allow without any prior.

    python -m experiments.run --config=configs/autoencoder.py

Data: `mnist_5k` (the default, no download), `sprites` (convolutional, 64 pixels) or
`digits`. Settings are our own choice.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("mnist_5k", "sprites", "digits")


def get_config(argument: str = "") -> ConfigDict:
    """One of the data sets and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=DATA)
    data = base.one_of(words, DATA, "mnist_5k")
    config = base.get_config("autoencoder")
    config.data.name = data
    config.train.num_steps = 5_000
    if data == "sprites":
        config.data.image_size = 64
        config.model.network = "conv"
        config.train.log_every = 20
    return base.quick(config) if "quick" in words else config
