"""AAE-S: an adversarial autoencoder that is given the shape. It USES LABELS.

    python -m experiments.run --config=configs/aae_s.py:sprites,laptop
    python -m experiments.run --config=configs/aae_s.py:sprites,plain,laptop
    python -m experiments.run --config=configs/aae_s.py:dsprites \
        --config.data.path=FOLDER

For diagnosis: how good the continuous codes get once the shape is known. It does not
belong into a table of unsupervised methods. `plain` is the adversarial
autoencoder itself, which is given nothing.

Data: `dsprites` (the default) and `sprites` (the same images without the download).
`laptop` is our own budget, see `experiments/RESULTS.md`: 32 pixels, smaller networks,
30,000 steps.

Source: Makhzani et al., https://arxiv.org/abs/1511.05644, for the adversarial
autoencoder; Jeong & Song, https://arxiv.org/abs/1905.09432, for AAE-S. No code of it is
public: networks (those of CascadeVAE), 6 latents, Adam at 1e-4 with b1 = 0.5 for the
discriminator and 300,000 steps of 64 images are our own choice.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("dsprites", "sprites")


def get_config(argument: str = "") -> ConfigDict:
    """One of the data sets, `plain`, `laptop` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=(*DATA, "plain", "laptop"))
    config = base.get_config("aae" if "plain" in words else "aae_s")
    base.score_factors(config, base.one_of(words, DATA, "dsprites"))
    config.model.network = "conv"
    config.model.initializer = "tf_slim"
    config.model.latent_dim = 6
    config.model.disc_layers = 2
    config.optimizer.learning_rate = 1e-4
    config.optimizer.players.discriminator.b1 = 0.5
    config.train.num_steps = 300_000
    if "laptop" in words:
        base.laptop(config)
    return base.quick(config) if "quick" in words else config
