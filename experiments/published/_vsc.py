"""VSC and VAE on digits and garments: the reproduction of Variational Sparse Coding."""

from experiments.published._rows import PublishedRow, PublishedScore

_SOURCE = (
    "stored results and notebooks of "
    "https://github.com/Alfo5123/Variational-Sparse-Coding"
)
_LOSS = (
    "28 pixels, 60,000 training images, hidden layer of 400, 11 epochs, Adam 1e-3, "
    "prior as named; the loss is the training form, one relaxed draw per image; one run"
)
_READ_OFF = f"{_LOSS}; read off a plot"
_PROBE = (
    "28 pixels, 5,000 labels, features are the means without the gate; the classifier "
    "is one layer with a relu on its logits, 20 epochs of SGD; one run"
)
_CONV = (
    "dSprites at 64 pixels, {}; numbers of the training log, in nats per image; one run"
)
_DATA = {"MNIST": "mnist", "Fashion": "fashion_mnist"}

# Data, prior_slab_prob (None is the VAE), loss at each number of latents.
_LOSSES = (
    ("MNIST", None, {8: 111.39, 16: 104.78, 96: 105.42, 200: 106.31}),
    ("MNIST", 0.5, {8: 117.35, 24: 111.58, 96: 112.63, 200: 115.07}),
    ("MNIST", 0.2, {8: 124.4, 24: 119.0, 200: 120.7}),
    ("Fashion", None, {8: 243.13, 16: 242.48, 96: 244.49, 200: 244.95}),
    ("Fashion", 0.5, {8: 246.98, 16: 246.91, 96: 248.55, 200: 250.11}),
    ("Fashion", 0.2, {8: 252.93, 24: 250.42, 96: 252.14, 200: 254.12}),
)
# The same with the accuracy of a few-label probe, in percent.
_ACCURACIES = (
    ("MNIST", None, {8: 69.4, 96: 87.5, 200: 86.6}),
    ("MNIST", 0.01, {8: 68.2, 96: 87.0, 200: 91.8}),
    ("MNIST", 0.5, {8: 84.3, 96: 85.8, 144: 87.4, 200: 86.6}),
    ("Fashion", None, {8: 72.9, 96: 75.5, 200: 67.1}),
    ("Fashion", 0.01, {8: 66.9, 96: 76.7, 200: 79.7}),
)


def _row(
    data: str,
    slab_prob: float | None,
    latent_dim: int,
    scores: dict[tuple[str, ...], PublishedScore],
    differs: str,
) -> PublishedRow:
    method = "VAE" if slab_prob is None else f"VSC, prior {slab_prob:g}"
    prior = {} if slab_prob is None else {"weights.prior_slab_prob": slab_prob}
    return PublishedRow(
        f"{method}, {latent_dim} latents, {data}",
        scores,
        _SOURCE,
        differs,
        "vae" if slab_prob is None else "vsc",
        {"data.name": _DATA[data], "model.latent_dim": latent_dim, **prior},
        num_seeds=1,
    )


def _conv_row(
    name: str, model: str, epochs: str, scores: dict[str, float], **fields: float
) -> PublishedRow:
    return PublishedRow(
        name,
        {(score,): PublishedScore(value) for score, value in scores.items()},
        _SOURCE,
        _CONV.format(epochs),
        model,
        {"data.name": "dsprites"}
        | {name.replace("__", "."): value for name, value in fields.items()},
        num_seeds=1,
    )


ROWS = (
    *(
        _row(
            *(data, slab_prob, latent_dim),
            {("loss",): PublishedScore(loss)},
            _READ_OFF if (data, slab_prob) == ("MNIST", 0.2) else _LOSS,
        )
        for data, slab_prob, losses in _LOSSES
        for latent_dim, loss in losses.items()
    ),
    *(
        _row(
            *(data, slab_prob, latent_dim),
            {("probe.accuracy",): PublishedScore(round(percent / 100, 6))},
            _PROBE,
        )
        for data, slab_prob, accuracies in _ACCURACIES
        for latent_dim, percent in accuracies.items()
    ),
    _conv_row(
        "ConvVSC, prior 0.01, beta=2, 100 latents, dSprites",
        "vsc",
        "30 epochs of batches of 32",
        {"reconstruction": 30.0, "kl_terms.slab_kl": 16.2, "kl_terms.spike_kl": 23.5}
        | {"kl": 39.7},
        weights__beta=2.0,
        weights__prior_slab_prob=0.01,
        model__latent_dim=100,
    ),
    _conv_row(
        "ConvVAE, beta=4, 10 latents, dSprites",
        "vae",
        "90 epochs of batches of 32",
        {"reconstruction": 25.3, "kl": 15.2, "loss": 86.0},
        weights__beta=4.0,
        model__latent_dim=10,
    ),
)
