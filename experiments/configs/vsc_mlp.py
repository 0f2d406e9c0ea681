"""VSC, fully connected, on MNIST and Fashion-MNIST, and its VAE baseline.

    python -m experiments.run --config=configs/vsc_mlp.py:mnist_5k,elbo
    python -m experiments.sweep --config=configs/vsc_mlp.py:mnist_5k,elbo \
        --sweep=model.latent_dim=8,24,96,200

Data: `mnist` (the default), `fashion_mnist`, `mnist_5k` and `digits`; the last two
need no download and take 5,000 steps in place of 20,625 (11 epochs of MNIST).

What: `elbo` (prior 0.5; the published curves also have 0.2), `probe` (few-label
classification), `latents` (bar panels), `interpret`, `traverse`, `conditional` (the
last four take prior 0.01 and 200 latents, as does `probe`); `scaling` divides by the
mean norm of the images. `vae` takes the Gaussian baseline of the same network.

Source: https://github.com/Alfo5123/Variational-Sparse-Coding (networks, learning
rate, batch and number of epochs are those of its code).
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("mnist", "fashion_mnist", "mnist_5k", "digits")
ROWS = (
    "elbo",
    "probe",
    "latents",
    "interpret",
    "traverse",
    "conditional",
    "scaling",
)
STEPS_PER_EPOCH = 1_875  # 60,000 images in batches of 32


def get_config(argument: str = "") -> ConfigDict:
    """One word of each list above, `vae` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=(*DATA, *ROWS, "vae"))
    data = base.one_of(words, DATA, "mnist")
    row = base.one_of(words, ROWS, "elbo")
    config = base.get_config("vae" if "vae" in words else "vsc")
    config.seed = 1
    config.data.name = data
    config.model.hidden = (400,)
    config.model.latent_dim = 8 if row == "scaling" else 200
    if "vae" not in words:
        few = row in ("elbo", "scaling")
        config.weights.prior_slab_prob = 0.5 if few else 0.01
        config.weights.sharpness = 50.0
        config.schedules.sharpness = ("per_epoch", 50.0, 0.001, STEPS_PER_EPOCH)
    if row == "scaling":
        config.data.normalization = "mean_norm"
    config.train.batch_size = 32
    config.train.num_steps = 11 * STEPS_PER_EPOCH
    if row == "conditional":
        config.train.num_steps = 100 * STEPS_PER_EPOCH
    if data in ("mnist_5k", "digits"):
        config.train.num_steps = 5_000
    config.train.log_every = 250
    config.train.checkpoint_every = 2_500
    return base.quick(config) if "quick" in words else config
