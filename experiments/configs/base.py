"""Every field of a run, once, with its meaning; other configs state differences.

A config file has `get_config(argument="")`; the argument is what stands behind a colon
in `--config=configs/vsc.py:quick` and `quick` always means a size that a test runs.
Any field is overridden from the command line: `--config.model.latent_dim=20`.
"""

import difflib
from collections.abc import Collection, Sequence
from typing import TypeVar

from ml_collections import ConfigDict

from experiments._cascade import Cascade, set_by_cascade
from experiments._fields import (
    LEARNING_RATE,
    OF_DATA,
    DataOptions,
    FigureOptions,
    LogOptions,
    config_values,
    sample_model,
)
from vsc_jax.evaluation import EvaluationOptions
from vsc_jax.models import Classifies, EncodesImages, Model
from vsc_jax.priors import PRIORS
from vsc_jax.schedules import constant
from vsc_jax.training import OptimizerOptions, TrainOptions

_T = TypeVar("_T")
# For its defaults; what has none is a schedule.
_TRAIN = TrainOptions(learning_rate=constant(LEARNING_RATE.default), weights={})


def get_config(model: str = "vae") -> ConfigDict:
    """The defaults for one model; the fields of `config.model` are those it has.

    Each default is that of the dataclass in which the field ends up.
    """
    sample = sample_model(model)
    weights = dict(sample.default_weights)
    config = ConfigDict()
    # Seed of parameters, noise, order of the data and evaluation.
    config.seed = _TRAIN.seed
    config.data = _data(sample)
    config.model = _model(model, sample)
    # Scalar weights of the loss, traced: changing one compiles nothing anew.
    config.weights = ConfigDict(weights)
    if names := set_by_cascade(weights):
        config.cascade = _cascade(sample)
        for name in names:
            del config.weights[name]
    # A schedule for a weight or the learning rate takes the place of its value:
    # ("linear", start, end, begin_step, end_step), ("geometric", ... the same),
    # ("per_epoch", start, increment, steps_per_epoch) or
    # ("piecewise_constant", (boundary, ...), (value, ...)). () keeps the value.
    config.schedules = ConfigDict(dict.fromkeys(["learning_rate", *config.weights], ()))
    config.optimizer = _optimizer(sample)
    config.train = _train()
    config.log = _log()
    config.evaluation = _evaluation()
    return config


def _data(sample: Model) -> ConfigDict:
    """Which images."""
    default = DataOptions()
    data = ConfigDict()
    # A name of vsc_jax.datasets.dataset_names().
    data.name = default.name
    # Where its files are: original files or a folder of images; "" where none needed.
    data.path = default.path
    # Height and width in pixels; 0 keeps those of the source.
    data.image_size = default.image_size
    # 1 (grey) or 3 (colour); 0 keeps those of the source.
    data.channels = default.channels
    # The splits are cut down to this many images; 0 keeps them whole. num_train of
    # sprites, dsprites and the files of celeb_a may be that of all images: then test
    # images are training images too, as in papers without a test split.
    data.num_train = default.num_train
    data.num_test = default.num_test
    # "none" ([0, 1]), "unit_norm" (each image by its Euclidean norm) or "mean_norm"
    # (all by the mean norm of the train split).
    data.normalization = default.normalization
    # Whether original files that are not in the path yet (none: a folder of the user's
    # cache) are downloaded, of those data sets whose files are known.
    data.download = default.download
    # Whether the labels of each split are put in random order, for a model that has
    # nothing else to learn from.
    if isinstance(sample, Classifies) and not isinstance(sample, EncodesImages):
        data.random_labels = default.random_labels
    return data


def _model(name: str, sample: Model) -> ConfigDict:
    """Fields of the model's dataclass in vsc_jax.models, where they are explained.

    () stands for None. The shape of the images and their number are those of the data.
    """
    fields = {"name": name, **config_values(sample)}
    for field in OF_DATA:
        fields.pop(field, None)
    if "prior" in fields:
        fields["prior"] = _prior()
    return ConfigDict(fields)


def _prior() -> ConfigDict:
    """p(z) of the models that take one: its name, and the fields of all priors."""
    of = {name: kind() for name, kind in PRIORS.items()}
    prior = ConfigDict()
    # "standard_normal", "gaussian", "learned_gaussian", "student_t",
    # "gaussian_mixture", "sparse", or "pca" and "learned_pca": variances from the
    # principal components of all training images, fixed or to begin with. Fields that
    # the named prior does not have are checked, and not used.
    prior.name = "standard_normal"
    # gaussian: () for 1, one for all latents or one per latent; learned_gaussian: what
    # they are in proportion to at the beginning, () for all alike.
    prior.variances = ()
    # pca, learned_pca: 0 for the largest components, descending; or of how many largest
    # ones the smallest are taken, ascending: 20 in the published code.
    prior.smallest_of = 0
    # learned_gaussian: mean of the variances.
    prior.variance = of["learned_gaussian"].variance
    # student_t: degrees of freedom.
    prior.df = of["student_t"].df
    # gaussian_mixture: a mean per component; the variance of all components, and their
    # weights, () for equal ones.
    prior.means = of["gaussian_mixture"].means
    prior.component_variance = of["gaussian_mixture"].component_variance
    prior.component_weights = of["gaussian_mixture"].component_weights
    # sparse: weight and standard deviation of the narrow component.
    prior.spike_weight = of["sparse"].spike_weight
    prior.spike_stddev = of["sparse"].spike_stddev
    return prior


def _cascade(sample: Model) -> ConfigDict:
    """Stages in which latents are relieved of a high beta, one by one."""
    default = Cascade()
    cascade = ConfigDict()
    # Steps between two reliefs; 0 relieves all latents from the start, which is what
    # models do that were not published with a cascade.
    cascade.stage_steps = 0
    if hasattr(sample, "category_sizes"):
        cascade.stage_steps = default.stage_steps
        # Stages before the categories are used.
        cascade.warmup_stages = default.warmup_stages
    # Latents that are relieved from the start.
    cascade.num_first = default.num_first
    # Latents that are relieved in the end, the first ones; 0 for all.
    cascade.max_relieved = default.max_relieved
    # Whether the optimizer starts afresh at each relief.
    cascade.reset_moments = default.reset_moments
    return cascade


def _optimizer(sample: Model) -> ConfigDict:
    """How the gradient becomes a step."""
    default = OptimizerOptions()
    optimizer = ConfigDict()
    # "adam", "amsgrad", "sgd" or "nesterov" (SGD with Nesterov's momentum).
    optimizer.name = default.name
    optimizer.learning_rate = LEARNING_RATE.default
    # Decays of the two moments; of "sgd" and "nesterov" the first is the momentum.
    optimizer.b1 = default.b1
    optimizer.b2 = default.b2
    optimizer.eps = default.eps
    # l2 * kernel is added to the gradient of each kernel, before the moments.
    optimizer.l2 = default.l2
    # Steps before which the optimizer's state starts afresh.
    optimizer.reset_moments_at = _TRAIN.reset_moments_at
    # Models that minimise several losses in turn have an optimizer for each.
    if len(sample.players) > 1:
        own = ("learning_rate_scale", "b1", "b2", "eps")
        optimizer.players = ConfigDict(
            {
                player.name: {name: getattr(default, name) for name in own}
                for player in sample.players
            }
        )
    return optimizer


def _train() -> ConfigDict:
    """How long, and what is kept on the way."""
    train = ConfigDict()
    train.num_steps = _TRAIN.num_steps
    # Examples per step over all devices; a multiple of their number.
    train.batch_size = _TRAIN.batch_size
    # Whether each epoch is a new permutation; else batches follow one another.
    train.shuffle = _TRAIN.shuffle
    # "shard_map" or "pmap": how the step is spread over devices.
    train.parallel = _TRAIN.parallel
    # Steps in one compiled program: between log lines and looks at signals.
    train.log_every = _TRAIN.log_every
    train.checkpoint_every = _TRAIN.checkpoint_every
    # How many of the newest checkpoints are kept, beside the best.
    train.keep_checkpoints = _TRAIN.keep_checkpoints
    # Test images whose loss ranks the checkpoints.
    train.num_test_images = _TRAIN.num_test_images
    return train


def _log() -> ConfigDict:
    """Copies of `metrics.jsonl` for other tools; each needs the extra of its name."""
    default = LogOptions()
    log = ConfigDict()
    # Event files for TensorBoard, in tensorboard/ of the run.
    log.tensorboard = default.tensorboard
    # A run of Weights & Biases, offline unless WANDB_MODE says otherwise.
    log.wandb = default.wandb
    return log


def _evaluation() -> ConfigDict:
    """What is scored and drawn."""
    default, figures = EvaluationOptions(), FigureOptions()
    evaluation = ConfigDict()
    # Test images for ELBO, KL and sparsity; 0 takes all.
    evaluation.num_test = default.num_test
    # Exact draws per image for the ELBO.
    evaluation.elbo_samples = default.elbo_samples
    # Draws K of the IWAE bound, and the test images that it is taken over.
    evaluation.iwae_samples = default.iwae_samples
    evaluation.iwae_images = default.iwae_images
    # Labelled training images of the linear probe (where the data has labels).
    evaluation.num_labels = default.num_labels
    # Test images for overlap, mutual information and the distance of q(z) from the
    # prior; 0 takes none.
    evaluation.aggregate_images = default.aggregate_images
    # Scores against ground truth at the end of the run, as `experiments.evaluate` takes
    # them: names of vsc_jax.evaluation.SCORES.
    evaluation.metrics = default.metrics
    # Images (train and test) for the disentanglement scores; 0 takes none.
    evaluation.disentanglement_images = default.disentanglement_images
    # Steps between looks at these scores while training, over score_images; 0: none.
    evaluation.score_every = _TRAIN.score_every
    evaluation.score_images = default.score_images
    # Whether to draw figures and write report.html.
    evaluation.figures = figures.figures
    # The published traversal: latents with |z| above it, frames this far apart.
    evaluation.traversal_threshold = figures.traversal_threshold
    evaluation.traversal_delta = figures.traversal_delta
    # "pdf" or "svg" draws the figures in that format too, without titles, for a paper;
    # "png" in no other.
    evaluation.figure_format = figures.figure_format
    return evaluation


# Of the full grid of dSprites, which is what published scores are computed on.
NUM_SPRITES = 737_280
SPRITES = ("dsprites", "sprites")


def score_factors(config: ConfigDict, data: str) -> ConfigDict:
    """The data set of a full budget, with its disentanglement scores.

    On sprites of 64 pixels all images are training images, the test images among them,
    as published; scores are computed over all, every 10,000 steps while training too.
    Elsewhere they are at the end, over 10,000 images.
    """
    config.data.name = data
    if data in SPRITES:
        config.data.image_size = 64
        config.data.num_train = NUM_SPRITES
        config.evaluation.disentanglement_images = NUM_SPRITES
        config.evaluation.score_every = 10_000
        config.evaluation.score_images = NUM_SPRITES
    else:
        config.evaluation.disentanglement_images = 10_000
    config.train.checkpoint_every = 10_000
    return config


def digits_or_factors(config: ConfigDict, data: str) -> None:
    """`mnist_5k` at 32 pixels and 20,000 steps, or what `score_factors` does."""
    if data != "mnist_5k":
        score_factors(config, data)
        return
    config.data.name = data
    config.data.image_size = 32
    config.train.num_steps = 20_000
    config.train.checkpoint_every = 2_500


def laptop(config: ConfigDict) -> ConfigDict:
    """Our own budget for two CPU cores, the same for all methods but CascadeVAE.

    32-pixel sprites (other data keep their size), of which 100,000 are for testing
    alone, fully connected networks, Adam at 1e-3 and 30,000 steps in place of 300,000
    (CascadeVAE: 40,000). Beta of the beta-VAE and the weight of FactorVAE are half of
    those of the full budget, tuned in few runs; JointVAE keeps its own, AnnealedVAE has
    those of JointVAE's `tuned`, CascadeVAE on sprites a tuned schedule. Half is no
    conversion: what a code gains in likelihood is four times as much at 64 pixels as at
    32, so a beta is twice as strict as published. A capacity is a KL in nats, whatever
    the number of pixels. `experiments/RESULTS.md` says in how many runs what was tuned.
    """
    if config.data.name in SPRITES:
        config.data.num_train = 0
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
    if "cascade" in config and config.cascade.stage_steps:
        config.cascade.stage_steps = 1
        if config.cascade.get("warmup_stages"):
            config.cascade.warmup_stages = 2
    return config


class UnknownWordError(ValueError):
    """A word behind the colon that a config does not know.

    Attributes:
      known: the words that it knows.
    """

    def __init__(self, word: str, known: tuple[str, ...]) -> None:
        close = difflib.get_close_matches(word, known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(
            f"{word!r} is not an argument of this config.{hint} It knows "
            f"{', '.join(known)}."
        )
        self.known = known


def parse_argument(argument: str, *, known: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The comma-separated words behind the colon of `--config=file.py:words`.

    Args:
      argument: the text behind the colon, or "" without one.
      known: the words that this config knows, beside "quick".

    Returns:
      The words.

    Raises:
      UnknownWordError: if a word is not known.
    """
    words = tuple(word for word in argument.split(",") if word)
    allowed = (*known, "quick")
    for word in words:
        if word not in allowed:
            raise UnknownWordError(word, allowed)
    return words


def one_of(words: Sequence[str], choices: Collection[str], default: _T) -> str | _T:
    """Which of some words that exclude each other was given.

    Args:
      words: what `parse_argument` gives.
      choices: those of which there can be one.
      default: what it is without one.

    Raises:
      ValueError: if there are two.
    """
    given = [word for word in words if word in choices]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} exclude each other; give one of them.")
    return given[0] if given else default
