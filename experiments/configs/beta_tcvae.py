"""beta-TCVAE: the total correlation of the codes has a weight of its own.

    python -m experiments.run --config=configs/beta_tcvae.py:sprites,laptop
    python -m experiments.run --config=configs/beta_tcvae.py:dsprites \
        --config.data.path=FOLDER
    python -m experiments.run --config=configs/beta_tcvae.py:mnist_5k

Data: `dsprites` (the default), `sprites` (the same images without the download) and
`mnist_5k` (5,000 digits without a download, 5,000 steps).

Without a word the settings are those of the authors' example: 50 epochs in batches of
2,048 with Adam at 1e-3, tc_weight 6, 10 latents, two hidden layers of 1,200 units (the
decoder there has three, with tanh; here it is the encoder's mirror image, with relus),
and the weighted estimator. `study` takes those of
https://github.com/google-research/disentanglement_lib: 300,000 steps of 64 images with
Adam at 1e-4 and convolutions; tc_weight is 1, 2, 4, 6, 8 or 10 there, 6 here.
`stratified` takes the estimator that is unbiased for q(z). `laptop` is our own budget,
see `laptop` in `configs/base.py`, and has batches of 64 too.

Sources: Chen et al., https://arxiv.org/abs/1802.04942, and
https://github.com/rtqichen/beta-tcvae.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("dsprites", "sprites", "mnist_5k")


def get_config(argument: str = "") -> ConfigDict:
    """A data set, `study`, `stratified`, `laptop`, `quick`, separated by commas."""
    words = base.parse_argument(
        argument, known=(*DATA, "study", "stratified", "laptop")
    )
    data = base.one_of(words, DATA, "dsprites")
    config = base.get_config("beta_tcvae")
    config.model.estimator = "stratified" if "stratified" in words else "weighted"
    if data == "mnist_5k":
        config.data.name = data
    else:
        base.score_factors(config, data)
    if "study" in words:
        config.model.network = "conv"
        config.model.initializer = "tf_slim"
        config.optimizer.learning_rate = 1e-4
        config.train.num_steps = 300_000
    else:
        config.model.hidden = (1200, 1200)
        config.train.batch_size = 2048
        config.train.num_steps = 50 * base.NUM_SPRITES // 2048
        config.train.checkpoint_every = 3_000
    if data == "mnist_5k":
        config.train.num_steps = 5_000
        config.train.checkpoint_every = 2_500
    if "laptop" in words:
        base.laptop(config)
        config.train.batch_size = 64
        config.weights.tc_weight /= 2  # as all weights of this budget
    return base.quick(config) if "quick" in words else config
