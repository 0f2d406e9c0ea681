"""Every field of a run, once, with its meaning; other configs state differences.

A config file has `get_config(argument="")`; the argument is what stands behind a colon
in `--config=configs/vsc.py:quick` and `quick` always means a size that a test runs.
Any field is overridden from the command line: `--config.model.latent_dim=20`.
"""

import dataclasses

from ml_collections import ConfigDict

from vsc_jax.models import MODELS

CASCADE_WEIGHTS = ("num_relieved", "use_categories")


def get_config(model: str = "vae") -> ConfigDict:
    """The defaults for one model; the fields of `config.model` are those it has."""
    config = ConfigDict()
    # Seed of parameters, noise, order of the data and evaluation.
    config.seed = 0

    # --- data -------------------------------------------------------------------
    config.data = ConfigDict()
    # A name of vsc_jax.datasets.dataset_names().
    config.data.name = "sprites"
    # Where its files are: original files or a folder of images; "" where none needed.
    config.data.path = ""
    # Height and width in pixels; 0 keeps those of the source.
    config.data.image_size = 0
    # 1 (grey) or 3 (colour); 0 keeps those of the source.
    config.data.channels = 0
    # The splits are cut down to this many images; 0 keeps them whole.
    config.data.num_train = 0
    config.data.num_test = 0
    # "none" ([0, 1]), "unit_norm" (each image by its Euclidean norm) or "mean_norm"
    # (all by the mean norm of the train split).
    config.data.normalization = "none"

    # --- model ------------------------------------------------------------------
    # Fields of the model's dataclass in vsc_jax.models, where they are explained.
    all_fields = {
        "latent_dim": 10,
        "network": "mlp",
        "hidden": (400,),
        # () takes the channels that belong to the image size.
        "channels": (),
        # () mirrors the encoder.
        "decoder_channels": (),
        "features": 256,
        "likelihood": "bernoulli",
        "likelihood_scale": 1.0,
        "dtype": "float32",
        "initializer": "pytorch",
        "gate": "relu",
        "num_pseudo_inputs": 10,
        "prior": _prior(),
    }
    sample = MODELS[model](image_shape=(8, 8, 1))
    fields = [field.name for field in dataclasses.fields(sample)]
    config.model = ConfigDict({"name": model})
    # Fields of one method alone have the default of its class.
    config.model.update(
        {
            name: all_fields.get(name, getattr(sample, name))
            for name in fields
            if name != "image_shape"
        }
    )

    # --- loss -------------------------------------------------------------------
    # Scalar weights of the loss, traced: changing one compiles nothing anew.
    weights = sample.default_weights
    if model == "cascade_vae":
        # The cascade: steps between two reliefs, stages before the categories are
        # used, and whether the optimizer starts afresh at each relief. It gives the
        # weights num_relieved and use_categories.
        config.cascade = ConfigDict()
        config.cascade.stage_steps = 20_000
        config.cascade.warmup_stages = 4
        config.cascade.reset_moments = True
        weights = {k: v for k, v in weights.items() if k not in CASCADE_WEIGHTS}
    config.weights = ConfigDict(weights)
    # A schedule for a weight or the learning rate takes the place of its value:
    # ("linear", start, end, begin_step, end_step), ("geometric", ... the same),
    # ("per_epoch", start, increment, steps_per_epoch) or
    # ("piecewise_constant", (boundary, ...), (value, ...)). () keeps the value.
    config.schedules = ConfigDict(dict.fromkeys(["learning_rate", *weights], ()))

    # --- optimizer --------------------------------------------------------------
    config.optimizer = ConfigDict()
    # "adam", "amsgrad" or "sgd".
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.b1 = 0.9
    config.optimizer.b2 = 0.999
    config.optimizer.eps = 1e-8
    # l2 * kernel is added to the gradient of each kernel, before the moments.
    config.optimizer.l2 = 0.0
    # Steps before which the optimizer's state starts afresh.
    config.optimizer.reset_moments_at = ()
    # Models that minimise several losses in turn have an optimizer for each.
    if len(sample.players) > 1:
        config.optimizer.players = ConfigDict(
            {
                player.name: {
                    "learning_rate_scale": 1.0,
                    "b1": config.optimizer.b1,
                    "b2": config.optimizer.b2,
                    "eps": config.optimizer.eps,
                }
                for player in sample.players
            }
        )

    # --- training ---------------------------------------------------------------
    config.train = ConfigDict()
    config.train.num_steps = 20_000
    # Examples per step over all devices; a multiple of their number.
    config.train.batch_size = 64
    # Whether each epoch is a new permutation; else batches follow one another.
    config.train.shuffle = True
    # "shard_map" or "pmap": how the step is spread over devices.
    config.train.parallel = "shard_map"
    # Steps in one compiled program: between log lines and looks at signals.
    config.train.log_every = 100
    config.train.checkpoint_every = 2_000
    # How many of the newest checkpoints are kept, beside the best.
    config.train.keep_checkpoints = 2
    # Test images whose loss ranks the checkpoints.
    config.train.num_test_images = 1_000

    # --- evaluation -------------------------------------------------------------
    config.evaluation = ConfigDict()
    # Test images for ELBO, KL and sparsity; 0 takes all.
    config.evaluation.num_test = 10_000
    # Draws K of the IWAE bound, and the test images that it is taken over.
    config.evaluation.iwae_samples = 100
    config.evaluation.iwae_images = 500
    # Labelled training images of the linear probe (where the data has labels).
    config.evaluation.num_labels = 5_000
    # Test images for overlap, mutual information and the distance of q(z) from the
    # prior; 0 takes none.
    config.evaluation.aggregate_images = 2_000
    # Scores against ground truth at the end of the run, as `experiments.evaluate` takes
    # them: names of vsc_jax.evaluation.SCORES.
    config.evaluation.metrics = ()
    # Images (train and test) for the disentanglement scores; 0 takes none.
    config.evaluation.disentanglement_images = 0
    # Steps between looks at these scores while training, over score_images; 0: none.
    config.evaluation.score_every = 0
    config.evaluation.score_images = 10_000
    # Whether to draw figures and write report.html.
    config.evaluation.figures = True
    # The published traversal: latents with |z| above it, 8 frames this far apart.
    config.evaluation.traversal_threshold = 1e-4
    config.evaluation.traversal_delta = 0.2
    return config


def _prior() -> ConfigDict:
    """p(z) of the models that take one: its name, and the fields of all priors."""
    prior = ConfigDict()
    # "standard_normal", "gaussian", "learned_gaussian", "student_t",
    # "gaussian_mixture", "sparse", or "pca" and "learned_pca": variances from the
    # principal components of the training images, fixed or to begin with. Fields that
    # the named prior does not have are not looked at.
    prior.name = "standard_normal"
    # gaussian: () for 1, one for all latents or one per latent; learned_gaussian: what
    # they are in proportion to at the beginning, () for all alike.
    prior.variances = ()
    # learned_gaussian: mean of the variances.
    prior.variance = 1.0
    # student_t: degrees of freedom.
    prior.df = 9.0
    # gaussian_mixture: a mean per component; the variance of all components, and their
    # weights, () for equal ones.
    prior.means = ((0.0, -1.0), (0.0, 1.0), (1.0, 0.0), (-1.0, 0.0))
    prior.component_variance = 0.03
    prior.component_weights = ()
    # sparse: weight and standard deviation of the narrow component.
    prior.spike_weight = 0.8
    prior.spike_stddev = 0.05
    return prior


# Of the full grid of dSprites, which is what published scores are computed on.
NUM_SPRITES = 737_280


def score_factors(config: ConfigDict, data: str) -> ConfigDict:
    """The data set of a full budget, with its disentanglement scores.

    On sprites of 64 pixels they are computed over all images, and every 10,000 steps
    while training; elsewhere at the end, over 10,000 images.
    """
    config.data.name = data
    if data in ("dsprites", "sprites"):
        config.data.image_size = 64
        config.evaluation.disentanglement_images = NUM_SPRITES
        config.evaluation.score_every = 10_000
        config.evaluation.score_images = NUM_SPRITES
    else:
        config.evaluation.disentanglement_images = 10_000
    config.train.checkpoint_every = 10_000
    return config


def laptop(config: ConfigDict) -> ConfigDict:
    """Our own budget for two CPU cores, the same for all methods of one table.

    32-pixel sprites (other data keep their size), fully connected networks, Adam at
    1e-3 and 30,000 steps in place of 300,000. With a quarter of the pixels the
    published weights beside the likelihood are too large: the configs halve them.
    """
    if config.data.name == "sprites":  # the file of dSprites has 64 pixels
        config.data.image_size = 32
    config.model.network = "mlp"
    config.model.hidden = (512, 256)
    config.optimizer.learning_rate = 1e-3
    config.train.num_steps = 30_000
    config.train.log_every = 250
    config.train.checkpoint_every = 15_000
    config.evaluation.num_test = 2_000
    config.evaluation.disentanglement_images = 50_000
    config.evaluation.score_every = 3_000
    config.evaluation.score_images = 10_000
    return config


def quick(config: ConfigDict) -> ConfigDict:
    """A size at which a whole run takes seconds; its numbers mean nothing."""
    config.data.num_train = 256
    config.data.num_test = 64
    config.train.num_steps = 6
    config.train.batch_size = 16
    config.train.log_every = 3
    config.train.checkpoint_every = 3
    config.train.num_test_images = 32
    config.evaluation.num_test = 64
    config.evaluation.iwae_samples = 4
    config.evaluation.iwae_images = 16
    config.evaluation.num_labels = 64
    config.evaluation.aggregate_images = 64
    if config.evaluation.disentanglement_images:
        config.evaluation.disentanglement_images = 200
    if config.evaluation.score_every:
        config.evaluation.score_every = 3
        config.evaluation.score_images = 100
    if config.model.get("disc_width"):
        config.model.disc_width = 64
    if "cascade" in config:
        config.cascade.stage_steps = 1
        config.cascade.warmup_stages = 2
    return config


def parse_argument(argument: str, *, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The comma-separated words behind the colon of `--config=file.py:words`.

    Args:
      argument: the text behind the colon, or "" without one.
      known: the words that this config knows, beside "quick".

    Returns:
      The words.

    Raises:
      ValueError: if a word is not known.
    """
    words = tuple(word for word in argument.split(",") if word)
    allowed = (*known, "quick")
    for word in words:
        if word not in allowed:
            raise ValueError(
                f"{word!r} is not an argument of this config; "
                f"it knows {', '.join(allowed)}."
            )
    return words
