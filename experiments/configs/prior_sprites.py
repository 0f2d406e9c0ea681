"""The shape of the prior against disentanglement: beta-VAEs that differ in p(z).

    python -m experiments.sweep --config=configs/prior_sprites.py:sprites,laptop \
        --sweep=model.prior.name=standard_normal,pca,learned_pca \
        --sweep=weights.beta=1,2,4 --workdir=runs/priors
    python -m experiments.plot_sweep --workdir=runs/priors --y=reconstruction \
        --x=disentanglement.factor_vae_score.cascade.factor_vae_score \
        --curves=model.prior.name --labels=weights.beta
    python -m experiments.run --config=configs/prior_sprites.py:dsprites,student_t \
        --config.data.path=FILE.npz --config.model.prior.df=9

Data: `dsprites` (the default) or `sprites`, the same images without the download.
Priors: N(0, I) (the default), `pca` (variances in the proportions of the principal
components of all training images, which take about 16 s of a core at 32 pixels, three
minutes at 64), `learned_pca` (learned from there) and `student_t`.
`laptop` is our own budget, see `experiments/RESULTS.md`.

As in the authors' code: 10 latents, AMSGrad at 5e-4, 20 epochs of batches of 64, all
737,280 images for training and scoring. Not as there: our components are the ten
largest. `published_order` takes those of the code, the smaller ten of the twenty
largest, ascending (`config.model.prior.smallest_of = 20`).

Source: Mathieu et al., https://arxiv.org/abs/1812.02833;
https://github.com/iffsid/disentangling-disentanglement.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("dsprites", "sprites")
PRIORS = ("pca", "learned_pca", "student_t")


def get_config(argument: str = "") -> ConfigDict:
    """A data set, a prior, `published_order`, `laptop`, `quick`, with commas."""
    known = (*DATA, *PRIORS, "published_order", "laptop")
    words = base.parse_argument(argument, known=known)
    config = base.get_config("vae")
    base.score_factors(config, base.one_of(words, DATA, "dsprites"))
    config.model.latent_dim = 10
    config.model.network = "conv"
    config.model.channels = (32, 32, 64, 64)
    config.model.decoder_channels = (32, 64, 64, 64)
    config.model.features = 128
    config.model.features_relu = False
    config.model.prior.name = base.one_of(words, PRIORS, "standard_normal")
    if "published_order" in words:
        config.model.prior.smallest_of = 20
    config.optimizer.name = "amsgrad"
    config.optimizer.learning_rate = 5e-4
    config.train.num_steps = 20 * base.NUM_SPRITES // 64
    if "laptop" in words:
        base.laptop(config)
        config.model.channels = config.model.decoder_channels = ()
        config.train.num_steps = 15_000
    return base.quick(config) if "quick" in words else config
