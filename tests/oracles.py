"""Slow float64 NumPy versions of the formulas, written from the papers.

Nothing here is shared with the library; probabilities are used where the papers use
them, and sums over pixels, latents and pseudo-inputs are Python loops.
"""

import math

import numpy as np


def log_sigmoid(logit: float) -> float:
    return -float(np.logaddexp(0.0, -logit))


def sigmoid(logit: float) -> float:
    return math.exp(log_sigmoid(logit))


def logit(prob: float) -> float:
    return math.log(prob) - math.log1p(-prob)


def bernoulli_log_likelihood(x_logits, x) -> float:
    """Kingma and Welling 2014, Eq. 11, of one example."""
    total = 0.0
    for a, b in zip(np.ravel(x_logits), np.ravel(x), strict=True):
        total += float(b) * log_sigmoid(float(a))
        total += (1.0 - float(b)) * log_sigmoid(-float(a))
    return total


def gaussian_log_density(x: float, mean: float, var: float) -> float:
    return -0.5 * math.log(2.0 * math.pi * var) - (x - mean) ** 2 / (2.0 * var)


def gaussian_log_likelihood(x_mean, x, var) -> float:
    """Kingma and Welling 2014, Eq. 12, of one example."""
    var = np.broadcast_to(var, np.shape(x))
    triples = zip(np.ravel(x_mean), np.ravel(x), np.ravel(var), strict=True)
    return sum(
        gaussian_log_density(float(b), float(a), float(v)) for a, b, v in triples
    )


def laplace_log_likelihood(x_mean, x, scale: float) -> float:
    pairs = zip(np.ravel(x_mean), np.ravel(x), strict=True)
    return sum(-math.log(2.0 * scale) - abs(float(b - a)) / scale for a, b in pairs)


def gaussian_kl(mean, log_var, prior_mean=0.0, prior_log_var=0.0) -> float:
    """KL of one latent, with standard deviations s and t as in the textbooks."""
    s, t = math.exp(0.5 * log_var), math.exp(0.5 * prior_log_var)
    quotient = (s**2 + (mean - prior_mean) ** 2) / (2.0 * t**2)
    return math.log(t / s) + quotient - 0.5


def bernoulli_kl(prob: float, prior_prob: float) -> float:
    total = 0.0
    if prob > 0.0:
        total += prob * math.log(prob / prior_prob)
    if prob < 1.0:
        total += (1.0 - prob) * math.log((1.0 - prob) / (1.0 - prior_prob))
    return total


def spike_slab_kl_terms(
    mean, log_var, slab_prob, prior_slab_prob, prior_mean=0.0, prior_log_var=0.0
) -> tuple[float, float]:
    """Slab and spike part of one latent (Tonolini et al. 2019, supplement)."""
    slab = slab_prob * gaussian_kl(mean, log_var, prior_mean, prior_log_var)
    return slab, bernoulli_kl(slab_prob, prior_slab_prob)


def spike_slab_kl_monte_carlo(
    rng: np.random.Generator,
    num_samples: int,
    mean,
    log_var,
    slab_prob,
    prior_slab_prob,
    prior_mean=0.0,
    prior_log_var=0.0,
) -> tuple[float, float]:
    """Mean of log q/p over draws from q, and its standard error."""
    on = rng.random(num_samples) < slab_prob
    s, t = math.exp(0.5 * log_var), math.exp(0.5 * prior_log_var)
    z = mean + s * rng.standard_normal(num_samples)
    log_q = -math.log(s) - 0.5 * ((z - mean) / s) ** 2
    log_p = -math.log(t) - 0.5 * ((z - prior_mean) / t) ** 2
    ratio_on = math.log(slab_prob / prior_slab_prob) + log_q - log_p
    ratio_off = math.log((1.0 - slab_prob) / (1.0 - prior_slab_prob))
    ratio = np.where(on, ratio_on, ratio_off)
    return float(ratio.mean()), float(ratio.std(ddof=1) / math.sqrt(num_samples))


def spike_slab_log_prob(z, mean, log_var, slab_prob) -> float:
    if z == 0.0:
        return math.log(1.0 - slab_prob)
    return math.log(slab_prob) + gaussian_log_density(z, mean, math.exp(log_var))


def iwae_bound(log_weights) -> float:
    """Burda et al. 2016, Eq. 8, of one example, for weights that do not overflow."""
    return math.log(sum(math.exp(w) for w in log_weights) / len(log_weights))


def exemplar_vsc_terms(
    mean, log_var, slab_prob, pseudo_mean, pseudo_log_var, pseudo_slab_prob, rho, alpha
) -> tuple[float, float]:
    """KL to the pseudo-posteriors and aggregate KL of one example."""
    num_pseudo, latent_dim = np.shape(pseudo_mean)
    kl, aggregate = 0.0, 0.0
    for u in range(num_pseudo):
        for j in range(latent_dim):
            slab, spike = spike_slab_kl_terms(
                mean[j],
                log_var[j],
                slab_prob[j],
                pseudo_slab_prob[u, j],
                pseudo_mean[u, j],
                pseudo_log_var[u, j],
            )
            kl += rho[u] * (slab + spike)
            aggregate += rho[u] * pseudo_slab_prob[u, j] / latent_dim
    return kl, latent_dim * bernoulli_kl(aggregate, alpha)


def relaxed_gate_mean(slab_prob: float, sharpness: float, num_points: int) -> float:
    """Mean of sigmoid(c (eta - 1 + g)) over eta in [0, 1], by the midpoint rule."""
    eta = (np.arange(num_points) + 0.5) / num_points
    return float(np.mean(1.0 / (1.0 + np.exp(-sharpness * (eta - 1.0 + slab_prob)))))
