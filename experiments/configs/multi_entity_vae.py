"""Multi-Entity VAE: a set of objects, each where the encoder's KL is largest.

    python -m experiments.run --config=configs/multi_entity_vae.py:laptop
    python -m experiments.run --config=configs/multi_entity_vae.py
    python -m experiments.run --config=configs/multi_entity_vae.py:multi_mnist

Data: `multi_sprites` (the default: no, one or two coloured sprites on 64 x 64 pixels)
and `multi_mnist` (as many digits on 50 x 50 pixels; cells of 2 pixels).

`sum` adds objects up in place of letting them share pixels; `selected` charges for the
KL of the chosen cells alone, so that nothing holds that of all others at 0.

`laptop` is our own budget for two CPU cores: images of 32 pixels with as many cells,
pixels of an object drawn each by itself, 15,000 steps of 32 images. Seed 0 alone, on
this machine, 14 minutes (experiments/RESULTS.md): count accuracy .855, 99 % of the
boxes have their centre on an object, and so have 89 % of the cells with the largest KL.

Source: Nash et al., https://charlienash.github.io/assets/docs/mevae2017.pdf, of which
the abstract was at hand and no code. All settings are our own choice, and so are all
networks, the choice of cells and the loss, see `vsc_jax.models.MultiEntityVAE`.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("multi_sprites", "multi_mnist")


def get_config(argument: str = "") -> ConfigDict:
    """A data set, `sum`, `selected`, `laptop` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=(*DATA, "sum", "selected", "laptop"))
    config = base.get_config("multi_entity_vae")
    config.data.name = base.one_of(words, DATA, DATA[0])
    config.model.likelihood = "gaussian"
    config.model.likelihood_scale = 0.4
    if config.data.name == "multi_mnist":
        config.model.channels = (32,)  # 50 pixels cannot be halved twice
    if "sum" in words:
        config.model.composition = "sum"
    if "selected" in words:
        config.model.kl_scope = "selected"
    # So that an object is not worth saying twice, from two cells beside each other.
    config.weights.beta = 2.0
    config.optimizer.learning_rate = 1e-3
    config.train.num_steps = 100_000
    config.train.checkpoint_every = 10_000
    config.evaluation.num_labels = 0
    if "laptop" in words:
        _laptop(config)
    if "quick" in words:
        base.quick(config)
        config.model.decoder_channels = (8,)
    return config


def _laptop(config: ConfigDict) -> None:
    """A quarter of the pixels, each of four times the weight beside the KL."""
    if config.data.name == "multi_sprites":
        config.data.image_size = 32
        config.model.channels = (32,)
        config.model.likelihood_scale = 0.2
    config.model.decoder_kernel = 1
    config.optimizer.learning_rate = 2e-3
    config.train.num_steps = 15_000
    config.train.batch_size = 32
    config.train.log_every = 250
    config.train.checkpoint_every = 5_000
    config.evaluation.num_test = 2_000
