"""Methods and metrics of the large study on dSprites, as InfoGAN-CR collected them."""

from experiments.published._rows import PublishedRow, PublishedScore

_SOURCE = (
    "Lin, Thekumparampil, Fanti and Oh, InfoGAN-CR, "
    "https://arxiv.org/abs/1906.06034, table 1, as its repository shows it"
)
_DIFFERS = (
    "dSprites at 64 pixels; rows of other papers are copied there from those papers; "
    "the metric code is their own (SAP of another kind, shape left out in places), so "
    "do not compare digit by digit; whether +- is a deviation or an error is not stated"
)
_METRICS = (
    (
        "metrics.factor_vae_score",
        "disentanglement.factor_vae_score.locatello.factor_vae_score",
    ),
    ("metrics.dci.disentanglement",),
    ("metrics.sap",),
    ("metrics.explicitness",),
    ("metrics.modularity",),
    ("metrics.mig",),
    ("metrics.beta_vae_score",),
)
_NONE = (None, None)
# Name, our model, then (mean, plus_minus) of each of `_METRICS`.
_NUMBERS = (
    (
        *("VAE", "vae"),
        *((0.63, 0.06), (0.30, 0.10), _NONE, _NONE, _NONE, (0.10, None), _NONE),
    ),
    (
        *("beta-TCVAE", "beta_tcvae"),
        *((0.62, 0.07), (0.29, 0.10), _NONE, _NONE, _NONE, (0.45, None), _NONE),
    ),
    (
        *("HFVAE", ""),
        *((0.63, 0.08), (0.39, 0.16), _NONE, _NONE, _NONE, _NONE, _NONE),
    ),
    (
        *("beta-VAE", "vae"),
        *((0.63, 0.10), (0.41, 0.11), (0.55, None), _NONE, _NONE, (0.21, None), _NONE),
    ),
    ("CHyVAE", "", (0.77, None), *[_NONE] * 6),
    ("DIP-VAE", "dip_vae", _NONE, _NONE, (0.53, None), *[_NONE] * 4),
    ("FactorVAE", "factor_vae", (0.82, None), *[_NONE] * 4, (0.15, None), _NONE),
    (
        *("FactorVAE (1)", "factor_vae"),
        *((0.79, 0.01), (0.67, 0.03), (0.47, 0.03), (0.78, 0.01), (0.79, 0.01)),
        *((0.27, 0.03), (0.79, 0.02)),
    ),
    (
        *("FactorVAE (10)", "factor_vae"),
        *((0.83, 0.01), (0.70, 0.02), (0.57, None), (0.79, None), (0.79, None)),
        *((0.40, 0.01), (0.83, 0.01)),
    ),
    (
        *("FactorVAE (20)", "factor_vae"),
        *((0.83, 0.01), (0.72, 0.02), (0.57, None), (0.79, None), (0.79, 0.01)),
        *((0.40, 0.01), (0.85, None)),
    ),
    (
        *("FactorVAE (40)", "factor_vae"),
        *((0.82, 0.01), (0.74, 0.01), (0.56, None), (0.79, None), (0.77, 0.01)),
        *((0.43, 0.01), (0.84, 0.01)),
    ),
    (
        *("InfoGAN", "infogan"),
        *((0.59, 0.70), (0.41, 0.05), _NONE, _NONE, _NONE, (0.05, None), _NONE),
    ),
    (
        *("IB-GAN", ""),
        *((0.80, 0.07), (0.67, 0.07), _NONE, _NONE, _NONE, _NONE, _NONE),
    ),
    (
        *("InfoGAN (modified)", "infogan"),
        *((0.82, 0.01), (0.60, 0.02), (0.41, 0.02), (0.82, None), (0.94, 0.01)),
        *((0.22, 0.01), (0.87, 0.01)),
    ),
    (
        *("InfoGAN-CR", "infogan_cr"),
        *((0.88, 0.01), (0.71, 0.01), (0.58, 0.01), (0.85, None), (0.96, None)),
        *((0.37, 0.01), (0.95, 0.01)),
    ),
)

ROWS = tuple(
    PublishedRow(
        name,
        {
            names: PublishedScore(mean, plus_minus=plus_minus)
            for names, (mean, plus_minus) in zip(_METRICS, numbers, strict=True)
            if mean is not None
        },
        _SOURCE,
        _DIFFERS,
        model,
        {"data.name": "dsprites"},
    )
    for name, model, *numbers in _NUMBERS
)
