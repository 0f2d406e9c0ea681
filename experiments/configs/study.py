"""The study of Locatello et al.: 36 settings with 50 seeds on each of 7 data sets.

    python -m experiments.run --config=configs/study.py:sprites,217
    python -m experiments.run --config=configs/study.py:dsprites,217 \
        --config.data.path=FOLDER
    python -m experiments.sweep --config=configs/study.py:sprites --list
    python -m experiments.sweep --config=configs/study.py:sprites --index=217

The number is that of the library of the study: `i // 50` counts the settings below and
`i % 50` is the seed. Without a data set it counts all 12,600 models, in the order of
the data sets below. A sweep without `--sweep` has the 1,800 of one data set, `--index`
runs one of them, such as in an array job of a cluster; `experiments.compare` takes the
folder.

    0     VAE            beta 1, 2, 4, 6, 8, 16
    300   FactorVAE      tc_weight 10, 20, 30, 40, 50, 100
    600   DIP-VAE-I      off_diagonal_weight 1, 2, 5, 10, 20, 50; diagonal ten times it
    900   DIP-VAE-II     the same; diagonal_weight equal to it
    1200  beta-TCVAE     tc_weight 1, 2, 4, 6, 8, 10
    1500  AnnealedVAE    capacity 5, 10, 25, 50, 75, 100, with weight 1,000

Data: `dsprites`, `dsprites_color`, `dsprites_noisy`, `dsprites_scream`, `smallnorb`,
`cars3d`, `shapes3d`, in the study's order, and without a download `sprites`,
`sprites_color`, `sprites_noisy`. 64 pixels, 300,000 steps of 64 images, Adam at 1e-4,
10 latents, all images for training as in the study (of data other than `dsprites` and
`sprites` the train split), the study's encoder with 4x4 and 2x2 kernels and its
decoder; a capacity is reached after 100,000 steps. FactorVAE takes 64 images more,
whose codes are permuted, where the study permutes those of the same batch. The scores
are those of the study but for DCI, which has extra trees in place of gradient boosting.
`laptop` is our own
budget, see `laptop` in `configs/base.py`: all weights are halved, a capacity, which is
in nats, is not; nothing was tuned.

Source: Locatello et al., "Challenging Common Assumptions in the Unsupervised Learning
of Disentangled Representations", https://arxiv.org/abs/1811.12359; settings and order
from https://github.com/google-research/disentanglement_lib.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from experiments.configs import base

# In the order of the study.
DATA = (
    *("dsprites", "dsprites_color", "dsprites_noisy", "dsprites_scream"),
    *("smallnorb", "cars3d", "shapes3d"),
)
STAND_INS = ("sprites", "sprites_color", "sprites_noisy")
NUM_SEEDS = 50
NUM_STEPS = 300_000
METRICS = (
    *("beta_vae_score", "factor_vae_score", "mig", "dci"),
    *("modularity", "explicitness", "sap"),
)


class Setting(NamedTuple):
    """A method with its weights.

    Attributes:
      method: its name in the study.
      model: its name here.
      varied: name of what the study varies.
      value: of it.
      weights: of the loss.
      fields: of the model.
    """

    method: str
    model: str
    varied: str
    value: float
    weights: Mapping[str, float]
    fields: Mapping[str, Any] = {}


SETTINGS = (
    *(
        Setting("beta_vae", "vae", "beta", w, {"beta": w})
        for w in (1.0, 2.0, 4.0, 6.0, 8.0, 16.0)
    ),
    *(
        Setting("factor_vae", "factor_vae", "tc_weight", w, {"tc_weight": w})
        for w in (10.0, 20.0, 30.0, 40.0, 50.0, 100.0)
    ),
    *(
        Setting(
            *(f"dip_vae_{variant}", "dip_vae", "off_diagonal_weight", w),
            {"off_diagonal_weight": w, "diagonal_weight": factor * w},
            {"variant": variant},
        )
        for variant, factor in (("i", 10.0), ("ii", 1.0))
        for w in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
    ),
    *(
        Setting(
            *("beta_tc_vae", "beta_tcvae", "tc_weight", w),
            {"tc_weight": w},
            {"estimator": "weighted"},
        )
        for w in (1.0, 2.0, 4.0, 6.0, 8.0, 10.0)
    ),
    *(
        Setting(
            "annealed_vae", "annealed_vae", "capacity", c, {"capacity_weight": 1000.0}
        )
        for c in (5.0, 10.0, 25.0, 50.0, 75.0, 100.0)
    ),
)
NUM_MODELS = NUM_SEEDS * len(SETTINGS)
# Over which the capacity of the AnnealedVAE rises.
CAPACITY_STEPS = 100_000


def get_config(argument: str = "") -> ConfigDict:
    """A data set, a number, `laptop` and `quick`, separated by commas."""
    data, number, words = _parse(argument)
    setting, seed = SETTINGS[number // NUM_SEEDS], number % NUM_SEEDS
    config = base.get_config(setting.model)
    config.seed = seed
    config.data.name = data
    config.data.image_size = 64
    if data in base.SPRITES:
        config.data.num_train = base.NUM_SPRITES
    for name, value in setting.fields.items():
        config.model[name] = value
    for name, value in setting.weights.items():
        config.weights[name] = value
    config.model.network = "conv"
    config.model.kernel_sizes = (4, 4, 2, 2)
    config.model.features = 256
    config.model.initializer = "xavier_uniform"
    config.optimizer.learning_rate = 1e-4
    if setting.model == "factor_vae":
        config.optimizer.players.discriminator.b1 = 0.5
        config.optimizer.players.discriminator.b2 = 0.9
        config.train.batch_size = 128
    config.train.num_steps = NUM_STEPS
    config.train.checkpoint_every = 10_000
    config.evaluation.metrics = METRICS
    if "laptop" in words:
        _laptop(config, setting)
    if setting.varied == "capacity":
        end = CAPACITY_STEPS * config.train.num_steps // NUM_STEPS
        config.weights.capacity = setting.value
        config.schedules.capacity = ("linear", 0.0, setting.value, 0, end)
    return base.quick(config) if "quick" in words else config


def get_runs(argument: str = "") -> list[tuple[dict[str, Any], ConfigDict]]:
    """The runs of one data set for `experiments.sweep`: their names and configs."""
    data, _, words = _parse(argument)
    if numbers := [word for word in argument.split(",") if word.isdecimal()]:
        raise ValueError(
            f"of a sweep the number {numbers[0]} is chosen by --index={numbers[0]}; "
            "leave it out behind the colon."
        )
    kinds = [word for word in ("laptop", "quick") if word in words]
    runs = []
    for i, setting in enumerate(SETTINGS):
        config = get_config(",".join([data, str(i * NUM_SEEDS), *kinds]))
        for seed in range(NUM_SEEDS):
            one = config.copy_and_resolve_references()
            one.seed = seed
            name = f"{setting.method}_{setting.value:g}"
            runs.append(({"setting": name, "seed": seed}, one))
    return runs


def _laptop(config: ConfigDict, setting: Setting) -> None:
    base.laptop(config)
    # The study takes the last iterate, and has scores of its own.
    config.evaluation.score_every = 0
    config.evaluation.disentanglement_images = 0
    for name, weight in setting.weights.items():
        config.weights[name] = weight / 2
    if config.model.get("disc_width"):
        config.model.disc_width = 256  # 1,000 take ten times as long on a CPU


def _parse(argument: str) -> tuple[str, int, tuple[str, ...]]:
    """Name of the data set, number of the model on it, and the other words.

    Raises:
      UnknownWordError: if a word is not known.
      ValueError: if a number is too large.
    """
    numbers = [word for word in argument.split(",") if word.isdecimal()]
    others = ",".join(word for word in argument.split(",") if word not in numbers)
    words = base.parse_argument(others, known=(*DATA, *STAND_INS, "laptop"))
    data = base.one_of(words, (*DATA, *STAND_INS), None)
    most = NUM_MODELS * (len(DATA) if data is None else 1)
    if len(numbers) > 1 or any(int(word) >= most for word in numbers):
        where = "" if data is None else f" on {data}"
        raise ValueError(
            f"the number of a model{where} must be in 0..{most - 1}, got "
            f"{' and '.join(numbers)}."
        )
    number = int(numbers[0]) if numbers else 0
    if data is None:
        data, number = DATA[number // NUM_MODELS], number % NUM_MODELS
    return data, number, words
