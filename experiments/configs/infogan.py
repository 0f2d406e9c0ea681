"""InfoGAN and InfoGAN-CR: GANs whose codes can be read off their images.

    python -m experiments.run --config=configs/infogan.py:mnist_5k,laptop
    python -m experiments.run --config=configs/infogan.py:mnist \
        --config.data.path=FOLDER
    python -m experiments.run --config=configs/infogan.py:sprites,cr

Data: `mnist` (the default), `mnist_5k` (5,000 digits without a download), `dsprites`
and `sprites` (the same images without the download).

Digits: the MNIST experiment of https://github.com/openai/InfoGAN, 10 categories, two
continuous codes and 62 numbers of noise, Adam with b1 = 0.5 at 1e-3 for the generator
and 2e-4 for the discriminator, 5,000 steps of 128 images. Others report that its
category tells about 95 % of the digits in the best of several runs.

Sprites: InfoGAN as it is compared with in https://github.com/fjxmlzn/InfoGAN-CR, five
continuous codes and as much noise, spectral normalisation, rates 1e-3 and 2e-3, both
weights 0.05, 322,560 steps of 64 images. With `cr` it is InfoGAN-CR: pairs of images
that share a code, whose loss has weight 2 in the last 34,560 steps and 0 before.

`laptop` is our own budget for two CPU cores. Digits: half of the channels and features,
batches of 64, weights of 0.1, for at 1 a category settles on whatever tells images
apart while they are not digits yet, and continuous codes that come in after half of the
steps: 82.5, 86.5, 37.9 and 92.3 % with seeds 0, 2, 3 and 4 on this machine, in 7
minutes each. Sprites: 32 pixels, fully connected networks and 30,000 steps.

Source: Chen et al., https://arxiv.org/abs/1606.03657; Lin et al.,
https://arxiv.org/abs/1906.06034.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DIGITS = ("mnist", "mnist_5k")
SPRITES = ("dsprites", "sprites")


def get_config(argument: str = "") -> ConfigDict:
    """One of the data sets, `cr`, `laptop` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=(*DIGITS, *SPRITES, "cr", "laptop"))
    data = base.one_of(words, (*DIGITS, *SPRITES), "mnist")
    config = base.get_config("infogan_cr" if "cr" in words else "infogan")
    config.model.network = "conv"
    config.model.initializer = "dcgan"
    config.optimizer.learning_rate = 1e-3
    players = config.optimizer.players
    for player in players.values():
        player.b1 = 0.5
    base.score_factors(config, data)
    if data in DIGITS:
        players.discriminator.learning_rate_scale = 0.2
        config.train.batch_size = 128
        config.train.num_steps = 5_000
        config.train.log_every = 100
        config.train.checkpoint_every = 1_000
        config.weights.category_weight = config.weights.code_weight = 1.0
        if "laptop" in words:
            config.model.channels = (32, 64)
            config.model.features = 512
            config.train.batch_size = 64
            config.weights.category_weight = config.weights.code_weight = 0.1
            categories_alone = ("piecewise_constant", (2_500,), (0.0, 0.1))
            config.schedules.code_weight = categories_alone
        return base.quick(config) if "quick" in words else config
    config.model.num_codes = config.model.noise_dim = 5
    config.model.category_sizes = ()
    config.model.norm = "spectral"
    config.model.channels = (32, 32, 64, 64)
    config.model.features = 128
    config.weights.code_weight = 0.05
    for name in set(players) - {"generator"}:
        players[name].learning_rate_scale = 2.0
    config.train.batch_size = 64
    config.train.num_steps = 322_560
    if "laptop" in words:
        base.laptop(config)
    if "cr" in words:
        begin = round(config.train.num_steps * 288_000 / 322_560)
        spec = (
            "piecewise_constant",
            (begin,),
            (0.0, config.weights.contrastive_weight),
        )
        config.schedules.contrastive_weight = spec
    return base.quick(config) if "quick" in words else config
