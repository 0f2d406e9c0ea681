"""VSC with a fully connected network on 32-pixel CelebA faces.

    python -m experiments.run --config=configs/vsc_celeba32.py \
        --config.data.path=FOLDER_OF_JPGS

90 epochs of 100,000 images in batches of 32. Source:
https://github.com/Alfo5123/Variational-Sparse-Coding.
"""

from ml_collections import ConfigDict

from experiments.configs import base


def get_config(argument: str = "") -> ConfigDict:
    """`quick` is the size that a test runs."""
    words = base.parse_argument(argument)
    config = base.get_config("vsc")
    config.data.name = "celeb_a"
    config.data.image_size = 32
    config.model.hidden = (2000, 2000)
    config.model.latent_dim = 800
    config.weights.prior_slab_prob = 0.01
    config.weights.sharpness = 50.0
    config.schedules.sharpness = ("per_epoch", 50.0, 0.001, 3_125)
    config.train.batch_size = 32
    config.train.num_steps = 90 * 3_125
    return base.quick(config) if "quick" in words else config
