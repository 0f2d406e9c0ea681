"""Sparse codes from a sparse prior: q(z) held to it by an MMD per dimension.

    python -m experiments.sweep --config=configs/sparse_fashion.py:mnist_5k,laptop \
        --sweep=model.prior.spike_weight=0,0.8 --sweep=weights.beta=0.1,1,5 \
        --sweep=weights.divergence_weight=0,10,100,500,1000 --workdir=runs/sparsity
    python -m experiments.plot_sweep --workdir=runs/sparsity \
        --x=weights.divergence_weight --curves=model.prior.spike_weight,weights.beta \
        --y=sparsity.hoyer,reconstruction,aggregate_posterior.mmd_per_dimension
    python -m experiments.run --config=configs/sparse_fashion.py \
        --config.data.path=FOLDER --config.weights.divergence_weight=1000

p(z) = prod_j [(1 - w) N(0, 1) + w N(0, 0.05^2)] with w = `model.prior.spike_weight`:
0.8 is sparse, 0 the normal. Data: `fashion_mnist` (the default), `mnist`, `mnist_5k`
(5,000 digits without a download). `laptop` is our own budget, see
`experiments/RESULTS.md`.

As in the authors' code: 32 pixels, DCGAN networks with batch normalisation, a Laplace
likelihood of scale 0.1, 50 latents, AMSGrad at 5e-4, 80 epochs of batches of 500. Not
as there: pixels are not clamped to [1e-6, 1 - 1e-6], which a Laplace likelihood does
not need.

Source: Mathieu et al., https://arxiv.org/abs/1812.02833;
https://github.com/iffsid/disentangling-disentanglement.
"""

from ml_collections import ConfigDict

from experiments.configs import base

DATA = ("fashion_mnist", "mnist", "mnist_5k")
BATCH_SIZE = 500
NUM_EPOCHS = 80


def get_config(argument: str = "") -> ConfigDict:
    """A data set, `laptop` and `quick`, separated by commas."""
    words = base.parse_argument(argument, known=(*DATA, "laptop"))
    config = base.get_config("decomposition_vae")
    config.data.name = base.one_of(words, DATA, "fashion_mnist")
    config.data.image_size = 32
    config.model.latent_dim = 50
    config.model.network = "dcgan"
    config.model.initializer = "dcgan"
    config.model.scale = "softplus_stddev"
    config.model.likelihood = "laplace"
    config.model.likelihood_scale = 0.1
    config.model.mean_function = "identity"
    config.model.prior.name = "sparse"
    config.weights.divergence_weight = 100.0
    config.optimizer.name = "amsgrad"
    config.optimizer.learning_rate = 5e-4
    num_train = 4_000 if config.data.name == "mnist_5k" else 60_000
    config.train.batch_size = BATCH_SIZE
    config.train.num_steps = NUM_EPOCHS * num_train // BATCH_SIZE
    config.train.checkpoint_every = config.train.num_steps
    if "laptop" in words:
        config.model.channels = (8, 16, 32)
        config.optimizer.learning_rate = 2e-3
        config.train.batch_size = 200
        config.train.num_steps = 1_200
        config.train.checkpoint_every = 1_200
        config.train.log_every = 100
        config.evaluation.iwae_samples = 50
        config.evaluation.iwae_images = 200
    return base.quick(config) if "quick" in words else config
