"""AnnealedVAE: the KL is held at a capacity that rises from 0 during training.

    python -m experiments.run --config=configs/annealed_vae.py:sprites,laptop
    python -m experiments.run --config=configs/annealed_vae.py:dsprites \
        --config.data.path=FOLDER
    python -m experiments.run --config=configs/annealed_vae.py:mnist_5k,burgess

Data: `dsprites` (the default), `sprites` (the same images without the download) and
`mnist_5k` (5,000 digits without a download, 20,000 steps).

Without a word the settings are those of the study of
https://github.com/google-research/disentanglement_lib: 300,000 steps of 64 images with
Adam at 1e-4, capacity_weight 1,000, and a capacity that rises over 100,000 steps to 5,
10, 25, 50, 75 or 100 nats; 25 here. `burgess` takes capacity_weight 100 and Adam at
1e-3, with 30 epochs of dSprites or 400 of MNIST, as
https://github.com/YannDubs/disentangling-vae does for this paper: there the KL ends at
25.00 nats on dSprites, and at 24.97 on MNIST. `laptop` is our own budget, see `laptop`
in `configs/base.py`, and takes half of the capacity (12.5) and weight 10 from `tuned`
of `configs/joint_vae.py`; not tuned itself. A capacity does not depend on pixels.
Wherever there are fewer steps than published, the capacity rises in proportionally
fewer.

Source: Burgess et al., https://arxiv.org/abs/1804.03599.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("dsprites", "sprites", "mnist_5k")
RISE = 100_000


def get_config(argument: str = "") -> ConfigDict:
    """A data set, `burgess`, `laptop` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=(*DATA, "burgess", "laptop"))
    data = base.one_of(words, DATA, "dsprites")
    config = base.get_config("annealed_vae")
    config.model.network = "conv"
    config.model.initializer = "tf_slim"
    config.optimizer.learning_rate = 1e-4
    num_steps = 300_000
    if "burgess" in words:
        config.optimizer.learning_rate = 1e-3
        config.weights.capacity_weight = 100.0
        num_steps = 400 * 938 if data == "mnist_5k" else 30 * 11_520
    config.train.num_steps = num_steps
    base.digits_or_factors(config, data)
    if "laptop" in words:
        base.laptop(config)
        # Tuned: with a smaller weight of the gap the rise of the capacity does not all
        # go to two latents.
        config.weights.capacity /= 2
        config.weights.capacity_weight = 10.0
    rise = round(RISE * config.train.num_steps / num_steps)
    config.schedules.capacity = ("linear", 0.0, config.weights.capacity, 0, rise)
    return base.quick(config) if "quick" in words else config
