"""N-VAE: latents that all classes share, and a block for each. It USES LABELS.

    python -m experiments.run --config=configs/n_vae.py:mnist_5k,shared,laptop
    python -m experiments.run --config=configs/n_vae.py:mnist,latent2d \
        --config.data.path=FOLDER
    python -m experiments.sweep \
        --config=configs/n_vae.py:mnist_5k,class_factors,laptop \
        --sweep=weights.class_beta=1,1.1,1.25,1.5,2,4,8
    python -m experiments.run --config=configs/n_vae.py:lit_surfaces,laptop

What: `shared` (the default: 8 shared latents and 2 for each class), `latent2d` (2
shared latents, to be drawn in the plane, and 1 for each class), `class_factors` (2 and
2: with more shared latents than the classes have in common none is left for the
blocks). `vae` and `conditional` are baselines with the same networks: a VAE with as
many latents as the classes share here, and one whose decoder is given the label.

Data: `mnist` (the default), `fashion_mnist`, `mnist_5k`, `digits`; and, with settings
of their own (64 pixels, Gaussian pixels, 4 latents for each class), `yale_b` (38 faces
under many lights, a folder of the original files; 4 shared latents) and `lit_surfaces`
(surfaces under many lights, without a download; 3 shared latents).

`laptop` is our own budget for two CPU cores: fully connected networks, 5,000 steps and,
for `shared` on images of 28 pixels, beta 4 in place of 1 (`lit_surfaces`: 5). With few
images the shared latents else tell the class, and draws from the prior look like no
class, see `experiments/RESULTS.md`.

Source: Antoran & Miguel, https://arxiv.org/abs/1901.09415, of which the slides of a
talk were at hand and no code: the loss, the data sets and a map of two latents. Numbers
of latents, weights, steps, the warm-up and the decay are our own choice, and so is all
of `yale_b` and `lit_surfaces`. Channels, width, batch and learning rate of the other
networks are those of a VAE in https://github.com/JavierAntoran/pytorch_fun, with relu
in place of leaky relu.
"""

from typing import NamedTuple

from ml_collections import ConfigDict

from experiments.configs import base

# Training images, and classes.
DATA = {
    "mnist": (60_000, 10),
    "fashion_mnist": (60_000, 10),
    "mnist_5k": (4_000, 10),
    "digits": (1_437, 10),
    "yale_b": (2_000, 38),
    "lit_surfaces": (2_000, 38),
}
LIGHTS = ("yale_b", "lit_surfaces")
BASELINES = ("vae", "conditional")
BATCH_SIZE = 128
NUM_EPOCHS = 100
WARMUP_EPOCHS = 5
# Weights of all KLs at our own budget: of the row `shared`, and of lit surfaces.
LAPTOP_BETA, LAPTOP_LIGHT_BETA = 4.0, 5.0
# With less than that a small data set is not learned.
MIN_STEPS = 5_000


class Row(NamedTuple):
    """Settings of one experiment.

    Attributes:
      shared_dim: number of latents that all classes share.
      class_dim: number of latents of each class.
      class_beta: weight of the KL of the latents of classes.
    """

    shared_dim: int
    class_dim: int
    class_beta: float


ROWS = {
    "shared": Row(8, 2, 1.25),
    "latent2d": Row(2, 1, 1.0),
    "class_factors": Row(2, 2, 1.0),
}
# Three parts of a direction are what surfaces under a light have in common.
LIGHT = {"yale_b": Row(4, 4, 1.25), "lit_surfaces": Row(3, 4, 1.25)}


def get_config(argument: str = "") -> ConfigDict:
    """One word of each list above, `laptop` and `quick`, separated by commas."""
    known = (*DATA, *ROWS, *BASELINES, "laptop")
    words = base.parse_argument(argument, known=known)
    data = base.one_of(words, DATA, "mnist")
    row = ROWS[base.one_of(words, ROWS, "shared")]
    if data in LIGHTS and not set(ROWS) & set(words):
        row = LIGHT[data]
    baseline = base.one_of(words, BASELINES, None)
    is_vae = baseline == "vae"
    config = base.get_config("vae" if is_vae else "n_vae")
    config.data.name = data
    if is_vae:
        config.model.latent_dim = row.shared_dim
    else:
        config.model.num_classes = DATA[data][1]
        config.model.shared_dim = row.shared_dim
        config.model.class_dim = 0 if baseline == "conditional" else row.class_dim
        config.weights.class_beta = row.class_beta
    config.model.network = "conv"
    if data in LIGHTS:
        config.data.image_size = 64
        config.model.likelihood = "gaussian"
        config.model.likelihood_scale = 0.1
    else:
        config.model.channels = (64, 128)
        config.model.features = 1024
    if data == "digits":  # 8x8 pixels
        config.model.network = "mlp"
        config.model.hidden = (256,)
    steps_per_epoch = -(-DATA[data][0] // BATCH_SIZE)
    num_steps = max(NUM_EPOCHS * steps_per_epoch, MIN_STEPS)
    if "laptop" in words:
        config.model.network = "mlp"
        # With one layer two latents do not learn more than a few digits.
        width = (512, 256) if row is ROWS["latent2d"] else (512,)
        config.model.hidden = (256,) if data == "digits" else width
        num_steps = MIN_STEPS
        if row is ROWS["shared"] and data not in ("digits", *LIGHTS):
            config.weights.beta = LAPTOP_BETA
        if data == "lit_surfaces":
            config.weights.beta = LAPTOP_LIGHT_BETA
    warmup = min(WARMUP_EPOCHS * steps_per_epoch, num_steps // 10)
    config.schedules.beta = ("linear", 0.0, config.weights.beta, 0, warmup)
    config.schedules.learning_rate = ("geometric", 1e-3, 1e-4, 0, num_steps)
    config.train.batch_size = BATCH_SIZE
    config.train.num_steps = num_steps
    config.train.log_every = 250
    config.train.checkpoint_every = 2_500
    return base.quick(config) if "quick" in words else config
