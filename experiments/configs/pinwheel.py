"""Overlap against structure in two dimensions: a mixture as prior, points as data.

    python -m experiments.run --config=configs/pinwheel.py
    python -m experiments.sweep --config=configs/pinwheel.py \
        --sweep=weights.beta=0,0.01,0.5,1,1.2 \
        --sweep=weights.divergence_weight=0,1,3,5,8 --workdir=runs/pinwheel
    python -m experiments.plot_sweep --workdir=runs/pinwheel --density \
        --rows=weights.beta --columns=weights.divergence_weight

400 points in four arms (`spirals`: two interleaved spirals), four Gaussians as prior,
D = KL(p || q) over the whole training set. The authors' code has the points (1, 0) and
(0, 1) of (beta, divergence_weight). Its KL subtracts twice the log-density of the
mixture; `published_kl` does so too.

Source: Mathieu et al., https://arxiv.org/abs/1812.02833;
https://github.com/iffsid/disentangling-disentanglement.
"""

from ml_collections import ConfigDict

from experiments.configs import base


def get_config(argument: str = "") -> ConfigDict:
    """`spirals`, `published_kl` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=("spirals", "published_kl"))
    config = base.get_config("decomposition_vae")
    config.data.name = "spirals" if "spirals" in words else "pinwheel"
    config.model.latent_dim = 2
    config.model.hidden = (100,)
    config.model.scale = "softplus_stddev"
    config.model.likelihood = "softplus_gaussian"
    config.model.mean_function = "identity"
    config.model.prior.name = "gaussian_mixture"
    config.model.divergence = "inclusive_kl"
    config.model.multiplied_mixture = "published_kl" in words
    config.weights.beta = 1.0
    config.weights.divergence_weight = 0.0
    config.optimizer.name = "amsgrad"
    config.train.num_steps = 500
    config.train.batch_size = 400
    config.train.checkpoint_every = 500
    config.train.num_test_images = 400
    config.evaluation.iwae_samples = 1_000
    config.evaluation.iwae_images = 400
    return base.quick(config) if "quick" in words else config
