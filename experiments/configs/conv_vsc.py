"""ConvVSC and ConvVAE at the published settings, on 64-pixel sprites or faces.

    python -m experiments.run --config=configs/conv_vsc.py:sprites,laptop
    python -m experiments.run --config=configs/conv_vsc.py:sprites,vae,laptop
    python -m experiments.run --config=configs/conv_vsc.py:celeb_a \
        --config.data.path=FOLDER_OF_JPGS

Data: `dsprites` (the default), `sprites` (the same images without the download) and
`celeb_a`. `vae` takes the convolutional beta-VAE (beta = 4; the figure of the talk is
captioned with 2). `laptop` takes 3,000 steps of 64 images in place of 90 epochs of
batches of 32 (1,968,750 steps on dSprites, 281,250 on CelebA).

Source: https://github.com/Alfo5123/Variational-Sparse-Coding and its notebooks.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("dsprites", "sprites", "celeb_a")


def get_config(argument: str = "") -> ConfigDict:
    """One of the data sets, `vae`, `laptop` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=(*DATA, "vae", "laptop"))
    data = base.one_of(words, DATA, "dsprites")
    faces = data == "celeb_a"
    config = base.get_config("vae" if "vae" in words else "vsc")
    config.seed = 1
    config.data.name = data
    config.data.image_size = 64
    config.model.network = "conv"
    steps_per_epoch = 3_125 if faces else 21_875
    if "vae" in words:
        config.model.latent_dim = 32 if faces else 10
        config.weights.beta = 4.0
    else:
        config.model.latent_dim = 200 if faces else 100
        config.weights.beta = 2.0
        config.weights.prior_slab_prob = 0.01
        config.weights.sharpness = 50.0
        config.schedules.sharpness = ("per_epoch", 50.0, 0.001, steps_per_epoch)
    config.optimizer.learning_rate = 3e-4
    config.train.batch_size = 32
    config.train.num_steps = 90 * steps_per_epoch
    config.train.checkpoint_every = 10_000
    if "laptop" in words:
        config.train.batch_size = 64
        config.train.num_steps = 3_000
        config.train.log_every = 20
        config.train.checkpoint_every = 500
        config.evaluation.num_test = 2_000
    return base.quick(config) if "quick" in words else config
