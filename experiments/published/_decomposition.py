"""Sparsity of codes on garments: Disentangling Disentanglement, figure 4."""

from experiments.published._rows import PublishedRow, PublishedScore

_SOURCE = (
    "Mathieu, Rainforth, Siddharth and Teh, https://arxiv.org/abs/1812.02833, figure "
    "4, as printed in NabilDjelloudi/disentangling-disentanglement, a report"
)
_DIFFERS = (
    "read off the figure to +-0.005; Fashion-MNIST at 32 pixels, 50 latents, 80 epochs "
    "of batches of 500; number of seeds not stated"
)
_WEIGHTS = (0, 10, 100, 500, 1000)
# (spike_weight, beta) -> Hoyer sparsity at each weight of the divergence.
_HOYER = {
    (0.8, 0.1): (0.252, 0.395, 0.513, 0.541, 0.520),
    (0.8, 1.0): (0.361, 0.447, 0.552, 0.556, 0.520),
    (0.8, 5.0): (0.314, 0.328, 0.408, 0.425, 0.422),
    (0.0, 0.1): (0.227, 0.221, 0.217, 0.199, 0.185),
    (0.0, 1.0): (0.236, 0.232, 0.225, 0.212, 0.196),
    (0.0, 5.0): (0.243, 0.242, 0.232, 0.225, 0.223),
}

ROWS = tuple(
    PublishedRow(
        f"spike_weight={spike:g}, beta={beta:g}, divergence_weight={weight}",
        {("sparsity.hoyer",): PublishedScore(hoyer)},
        _SOURCE,
        _DIFFERS,
        "decomposition_vae",
        {
            "data.name": "fashion_mnist",
            "model.prior.spike_weight": spike,
            "weights.beta": beta,
            "weights.divergence_weight": float(weight),
        },
    )
    for (spike, beta), numbers in _HOYER.items()
    for weight, hoyer in zip(_WEIGHTS, numbers, strict=True)
)
