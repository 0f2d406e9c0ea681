"""Published tables as rows of our configs: what `experiments.reproduce` runs.

The numbers that stand beside ours are in `experiments.published`; here is how each row
is trained. A new method is a line.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from experiments.configs import study

BUDGETS = ("laptop", "full")
# Data sets that cannot be drawn.
NEEDS_FILES = ("fashion_mnist",)


class Row(NamedTuple):
    """A row of a table.

    Attributes:
      method: what `--methods=` names; several rows may be of one method.
      label: as in the published table.
      full: config at the published setting, such as "beta_vae:sprites".
      laptop: config at our own budget.
      fields: of the config, beside what it says itself.
      laptop_fields: others at our own budget.
      note: what differs from the publication even at the full budget.
      published: name in `experiments.published`, if that is not the label.
      budgets: at which the row is run; one that is tuned for the laptop has no other.
    """

    method: str
    label: str
    full: str
    laptop: str
    fields: Mapping[str, Any] = {}
    laptop_fields: Mapping[str, Any] = {}
    note: str = ""
    published: str = ""
    budgets: tuple[str, ...] = BUDGETS

    @property
    def published_name(self) -> str:
        """Name in `experiments.published`, where it has this row."""
        return self.published or self.label


class Column(NamedTuple):
    """A column of the summary: a score, of our runs or as it was published."""

    heading: str
    score: str
    published: bool = False


class Table(NamedTuple):
    """A published table.

    Attributes:
      title: what it is.
      seeds: how many seeds at each budget, from 0 on; "full" is what was published.
      rows: its rows.
      columns: of the summary.
    """

    title: str
    seeds: Mapping[str, int]
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]

    @property
    def methods(self) -> list[str]:
        """What `--methods=` knows."""
        return list(dict.fromkeys(row.method for row in self.rows))


_OWN_SPRITES = "dSprites are drawn anew (0.05 pixels per image differ)"


def _sprites(
    method: str,
    label: str,
    config: str,
    weights: Mapping[str, float] | None = None,
    fields: Mapping[str, Any] | None = None,
    note: str = "",
    published: str = "",
) -> Row:
    """A row on sprites; its weights are halved at our own budget, as the configs do.

    That is no conversion to 32 pixels, see `laptop` in `configs/base.py`.
    """
    weights, fields = weights or {}, fields or {}
    return Row(
        *(method, label, f"{config}sprites", f"{config}sprites,laptop"),
        fields={**fields, **weights},
        laptop_fields={name: weight / 2 for name, weight in weights.items()},
        note="; ".join(filter(None, (note, _OWN_SPRITES))),
        published=published,
    )


_BETA = "networks and optimizer of the beta-VAE are not published"
_FACTOR = "tc_weight of this row is not published, 35 is that of another code"
_BETA_LOW = "laptop: beta_low 4, then 0.005, then 0.1"
_TUNED = "capacity and its weight are tuned, not published"
_SCORE = "factor_vae_score"
_ACCURACY = "unsupervised_accuracy"
_LAST_SCORE = f"disentanglement.{_SCORE}.cascade.{_SCORE}"
_LAST_ACCURACY = f"disentanglement.{_ACCURACY}.d0.{_ACCURACY}"
_LAST_MAJORITY = f"disentanglement.{_ACCURACY}.d0.majority"
_BEST_ACCURACY = f"best_of_run.{_ACCURACY}"

_CASCADE = Table(
    "CascadeVAE and its rivals (Jeong and Song 2019)",
    {"full": 10, "laptop": 10},
    (
        _sprites("beta-VAE", "beta-VAE, beta=10, m=5", "beta_vae:m5,", note=_BETA),
        _sprites("beta-VAE", "beta-VAE, beta=4, m=10", "beta_vae:", note=_BETA),
        _sprites("FactorVAE", "FactorVAE, m=5", "factor_vae:m5,", note=_FACTOR),
        _sprites("FactorVAE", "FactorVAE, m=10", "factor_vae:", note=_FACTOR),
        _sprites("JointVAE", "JointVAE, m=6", "joint_vae:"),
        _sprites("JointVAE", "JointVAE, m=4", "joint_vae:m4,"),
        *(
            Row(
                *("JointVAE", f"JointVAE tuned, {name}"),
                *(f"joint_vae:{word}sprites", f"joint_vae:{word}sprites,tuned,laptop"),
                note=f"{_TUNED}; {_OWN_SPRITES}",
                published=f"JointVAE, {name}",
                budgets=("laptop",),
            )
            for name, word in (("m=6", ""), ("m=4", "m4,"))
        ),
        _sprites(
            *("CascadeVAE", "CascadeVAE, beta_low=1, m=6", "cascade_vae:"),
            note=_BETA_LOW,
        ),
        _sprites(
            *("CascadeVAE", "CascadeVAE, beta_low=2, m=4", "cascade_vae:m4,"),
            note=_BETA_LOW,
        ),
        _sprites(
            *("AAE-S", "AAE-S, m=6", "aae_s:"),
            note="USES LABELS; no number and no code of it are published, so networks "
            "and optimizer are our own choice",
        ),
    ),
    (
        Column("score, last", _LAST_SCORE),
        Column("score, best of run", f"best_of_run.{_SCORE}"),
        Column("published", f"best_of_run.{_SCORE}", published=True),
        Column("accuracy, last", _LAST_ACCURACY),
        Column("by majority, last", _LAST_MAJORITY),
        Column("accuracy, best of run", _BEST_ACCURACY),
        Column("published", _BEST_ACCURACY, published=True),
    ),
)

_PRIORS = ("standard_normal", "pca", "learned_pca", "student_t")
_DECOMPOSITION = Table(
    "Disentangling Disentanglement (Mathieu et al. 2019)",
    # Not stated in what we read.
    {"full": 4, "laptop": 4},
    (
        *(
            Row(
                "sparsity",
                f"spike_weight={spike:g}, beta={beta:g}, divergence_weight={weight}",
                *("sparse_fashion:fashion_mnist", "sparse_fashion:mnist_5k,laptop"),
                fields={
                    "model.prior.spike_weight": spike,
                    "weights.beta": beta,
                    "weights.divergence_weight": float(weight),
                },
                note="number of seeds not published, 4 is our choice",
            )
            for spike in (0.8, 0.0)
            for beta in (0.1, 1.0, 5.0)
            for weight in (0, 10, 100, 500, 1000)
        ),
        *(
            _sprites(
                "priors",
                f"{prior}, beta={beta:g}",
                "prior_sprites:" if prior == _PRIORS[0] else f"prior_sprites:{prior},",
                fields={"weights.beta": beta},
                note="a curve without numbers; betas and seeds are our choice",
            )
            for prior in _PRIORS
            for beta in (1.0, 2.0, 4.0)
        ),
        *(
            Row(
                "pinwheel",
                f"pinwheel, beta={beta:g}, divergence_weight={weight:g}",
                *("pinwheel:", "pinwheel:"),
                fields={"weights.beta": beta, "weights.divergence_weight": weight},
                note="a figure without numbers; both weights and seeds are our choice",
            )
            for beta, weight in (
                *((0.01, 0.0), (0.5, 0.0), (1.0, 0.0), (1.2, 0.0)),
                *((0.0, 1.0), (0.0, 3.0), (0.0, 5.0), (0.0, 8.0)),
            )
        ),
    ),
    (
        Column("Hoyer sparsity", "sparsity.hoyer"),
        Column("published", "sparsity.hoyer", published=True),
        Column("FactorVAE score", _LAST_SCORE),
        Column("reconstruction", "reconstruction"),
        Column("KL", "kl"),
        Column("KL(q(z), p(z))", "aggregate_posterior.marginal_kl"),
        Column("MMD per dimension", "aggregate_posterior.mmd_per_dimension"),
    ),
)

_STUDY_NOTE = "one of its seven data sets; extra trees in DCI"


def _of_study(number: int, setting: study.Setting) -> Row:
    """A setting; labels are those of the published table that has its numbers."""
    method = _STUDY_METHODS[setting.method]
    label = f"{method}, {setting.varied}={setting.value:g}"
    if method == "FactorVAE":
        label = f"FactorVAE ({setting.value:g})"
    config = f"study:sprites,{number * study.NUM_SEEDS}"
    is_vae = (setting.model, setting.value) == ("vae", 1.0)
    return Row(
        *(method, label, config, f"{config},laptop"),
        note=f"{_STUDY_NOTE}; {_OWN_SPRITES}",
        published="VAE" if is_vae else "",
    )


_STUDY_METHODS = {
    "beta_vae": "beta-VAE",
    "factor_vae": "FactorVAE",
    "dip_vae_i": "DIP-VAE-I",
    "dip_vae_ii": "DIP-VAE-II",
    "beta_tc_vae": "beta-TCVAE",
    "annealed_vae": "AnnealedVAE",
}
_STUDY = Table(
    "The study of Locatello et al. (2019) on dSprites",
    {"full": 50, "laptop": 5},
    tuple(_of_study(i, setting) for i, setting in enumerate(study.SETTINGS)),
    (
        Column("BetaVAE", "metrics.beta_vae_score"),
        Column("FactorVAE", f"metrics.{_SCORE}"),
        Column("published", f"metrics.{_SCORE}", published=True),
        Column("MIG", "metrics.mig"),
        Column("published", "metrics.mig", published=True),
        Column("DCI", "metrics.dci.disentanglement"),
        Column("published", "metrics.dci.disentanglement", published=True),
        Column("modularity", "metrics.modularity"),
        Column("SAP", "metrics.sap"),
    ),
)

REPRODUCIBLE: dict[str, Table] = {
    "cascade": _CASCADE,
    "decomposition": _DECOMPOSITION,
    "study": _STUDY,
}
