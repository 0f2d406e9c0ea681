import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vsc_jax import metrics
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.evaluation import (
    Context,
    EvaluationOptions,
    evaluate,
    score_scalars,
)
from vsc_jax.models import LossOutput, Player
from vsc_jax.networks import Posterior

SIZES = (3, 1, 4, 5, 6)
NAMES = ("shape", "color", "scale", "x", "y")


def pixel_dataset(**changes):
    """Images with one pixel per factor: its value as a share of 255."""
    factors = np.stack(np.unravel_index(np.arange(360), SIZES), axis=1)
    images = np.zeros((360, 5, 1, 1), np.uint8)
    images[:, :, 0, 0] = factors * 40
    order = np.random.default_rng(0).permutation(360).astype(np.int32)
    dataset = Dataset(
        name="pixels",
        images=images,
        format=ImageFormat((5, 1, 1)),
        train_indices=order[:200],
        test_indices=order[200:],
        factors=factors.astype(np.int32),
        factor_names=NAMES,
        factor_sizes=SIZES,
        category_factor="shape",
    )
    return dataclasses.replace(dataset, **changes)


@dataclasses.dataclass(frozen=True)
class PixelEncoder:
    """Latents are pixels times `params`, categories follow the first pixel."""

    image_shape: tuple[int, int, int] = (5, 1, 1)
    latent_dim: int = 5
    category_sizes: tuple[int, ...] = (4,)
    spike: bool = False

    @property
    def players(self):
        return (Player("model", None, self.loss),)

    @property
    def default_weights(self):
        return {"beta": 1.0, "use_categories": 1.0}

    @property
    def code_dim(self):
        return self.latent_dim + sum(self.category_sizes)

    def noise(self, key, batch_size):
        return jnp.zeros(batch_size)

    def loss(self, params, batch, noise, weights, *, gather=lambda a: a):
        kl = 0.5 * self.encode(params, batch.x).mean ** 2
        kl = kl.mean(0)
        metrics = {"kl_per_latent": kl, "kl": kl.sum()}
        return LossOutput(weights["beta"] * kl.sum(), metrics)

    def encode(self, params, x):
        x = x.reshape(len(x), -1) * 6.0
        shape = jnp.round(x[:, 0] * 255 / 240).astype(jnp.int32)
        logits = tuple(
            jax.nn.one_hot(3 - shape if i == 0 else 0 * shape, size)
            for i, size in enumerate(self.category_sizes)
        )
        mean = x * params[None]
        slab_logits = 4 * x - 8 if self.spike else None
        return Posterior(mean, jnp.zeros_like(mean), slab_logits, logits)

    def sample_posterior(self, params, posterior, key):
        return posterior.expected_code

    def decode(self, params, z):
        return z[:, : self.latent_dim].reshape(len(z), *self.image_shape) / 6.0


@dataclasses.dataclass(frozen=True)
class PixelModel(PixelEncoder):
    """And the KL of a latent is half the square of its mean."""

    def kl_per_latent(self, params, x, posterior, weights):
        kl = 0.5 * posterior.mean**2
        num = len(self.category_sizes)
        if not num:
            return {"gaussian_kl": kl}
        variables = jnp.full((len(x), num), weights["use_categories"] * jnp.log(4.0))
        return {
            "gaussian_kl": jnp.pad(kl, ((0, 0), (0, num))),
            "category_kl": jnp.pad(variables, ((0, 0), (self.latent_dim, 0))),
        }


class ConstantLatent:
    """Its transport leaves a latent constant."""

    def to_normal(self, z):
        return z * (np.arange(5) != 3)


@dataclasses.dataclass(frozen=True)
class WithTransport(PixelModel):
    @property
    def prior(self):
        return ConstantLatent()


ON = jnp.ones(5)
WITHOUT_SHAPE = jnp.array([0.0, 1.0, 1.0, 1.0, 1.0])


ALL = 1_000_000
GROUP = "disentanglement"


def score(model, params=WITHOUT_SHAPE, dataset=None, weights=None, **kwargs):
    """The results of the group, with what is skipped."""
    context = Context(
        model,
        params,
        dataset or pixel_dataset(),
        model.default_weights | (weights or {}),
        batch_size=kwargs.pop("batch_size", 50),
        seed=kwargs.pop("seed", 0),
    )
    options = EvaluationOptions(disentanglement_images=kwargs.pop("num_images", ALL))
    results = evaluate(context, options, only=kwargs.pop("only", (GROUP,)))
    assert not kwargs
    assert results["failed"] == {}
    return results.get(GROUP, {}) | {"skipped": results["skipped"]}


def test_shape_as_category_and_the_others_as_latents():
    scores = score(PixelModel())
    assert scores["num_images"] == 360
    assert scores["skipped"] == {}
    for protocol in ("cascade", "locatello"):
        result = scores["factor_vae_score"][protocol]
        assert result["factor_vae_score"] == 1.0
        assert result["factors"] == ["shape", "scale", "x", "y"]
        assert result["active"] == [2, 3, 4, 5]
    accuracy = scores["unsupervised_accuracy"]["d0"]
    assert accuracy["unsupervised_accuracy"] == 1.0
    assert accuracy["factor"] == "shape"
    assert accuracy["categories"] == [1, 2, 3]
    assert accuracy["matching"] == [2, 1, 0]
    assert score_scalars({GROUP: scores}) == {
        "factor_vae_score": 1.0,
        "factor_vae_score_locatello": 1.0,
        "unsupervised_accuracy": 1.0,
    }


def test_scores_are_those_of_the_metric_on_all_images():
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]

    class Rotated(PixelModel):
        def encode(self, params, x):
            q = super().encode(params, x)
            return q._replace(mean=q.mean @ jnp.asarray(rotation, jnp.float32))

    model, dataset = Rotated(category_sizes=()), pixel_dataset()
    scores = score(model, ON, dataset, seed=3, batch_size=37)
    indices = np.arange(360)
    posterior = model.encode(ON, jnp.asarray(dataset.decode(indices)))
    expected = metrics.factor_vae_score(
        posterior.mean,
        dataset.factors,
        kl_per_latent=0.5 * np.square(posterior.mean).mean(axis=0),
        seed=3,
    )
    result = scores["factor_vae_score"]["cascade"]
    assert result == expected | {"factors": ["shape", "scale", "x", "y"]}
    assert result["factor_vae_score"] < 1.0
    np.testing.assert_allclose(
        scores["kl_per_latent"], 0.5 * np.square(posterior.mean).mean(0), rtol=1e-5
    )
    assert scores["skipped"] == {
        "unsupervised_accuracy": "this model has no categorical variables"
    }


def test_pruning_by_kl_and_by_spread_without_a_prior():
    params = jnp.array([0.0, 1.0, 1.0, 0.1, 1.0])
    active = [
        score(kind(), params)["factor_vae_score"]["cascade"]["active"]
        for kind in (PixelModel, PixelEncoder)
    ]
    # The third factor's latent has a KL of 0.03 nats and a deviation of 0.13.
    assert active == [[2, 4, 5], [2, 3, 4, 5]]
    assert "kl_per_latent" not in score(PixelEncoder())


def test_categories_that_are_not_in_use_yet_do_not_vote():
    scores = score(PixelModel(), weights={"use_categories": 0.0})
    assert scores["kl_per_latent"][5] == 0.0
    assert scores["factor_vae_score"]["cascade"]["active"] == [2, 3, 4]
    assert scores["factor_vae_score"]["cascade"]["factor_vae_score"] == 0.75


def test_several_variables():
    scores = score(PixelModel(category_sizes=(4, 2)))
    accuracy = scores["unsupervised_accuracy"]
    assert accuracy["d0"]["unsupervised_accuracy"] == 1.0
    assert accuracy["d1"]["unsupervised_accuracy"] == pytest.approx(1 / 3)
    assert score_scalars({GROUP: scores})["unsupervised_accuracy"] == 1.0
    # The second one never changes.
    assert scores["factor_vae_score"]["cascade"]["active"] == [2, 3, 4, 5]


def test_codes_of_a_spike_are_its_means():
    model = PixelModel(category_sizes=(), spike=True)
    scores = score(model, ON)["factor_vae_score"]["cascade"]
    posterior = model.encode(ON, jnp.asarray(pixel_dataset().decode(np.arange(360))))
    expected = metrics.factor_vae_score(
        posterior.slab_prob * posterior.mean,
        pixel_dataset().factors,
        kl_per_latent=0.5 * np.square(posterior.mean).mean(axis=0),
    )
    assert scores["votes"] == expected["votes"]


def test_labels_alone_give_an_accuracy_alone():
    dataset = pixel_dataset(
        factors=pixel_dataset().factors[:, :1],
        factor_names=("label",),
        factor_sizes=SIZES[:1],
        label_factor="label",
        category_factor="label",
    )
    scores = score(PixelModel(), dataset=dataset)
    assert scores["unsupervised_accuracy"]["d0"]["factor"] == "label"
    why = "these images have fewer than two factors with two values or more"
    assert scores["skipped"] == {
        "factor_vae_score": why,
        "factor_vae_score_locatello": why,
    }
    assert score_scalars({GROUP: scores}) == {"unsupervised_accuracy": 1.0}


@pytest.mark.parametrize("names", [("a", "b", "c", "d", "e"), ()])
def test_what_is_not_there_is_named(names):
    factors = pixel_dataset().factors[:, : len(names)] if names else None
    dataset = pixel_dataset(
        factors=factors,
        factor_names=names,
        factor_sizes=SIZES[: len(names)],
        category_factor=None,
    )
    scores = score(PixelModel(), dataset=dataset)
    assert scores["skipped"]["unsupervised_accuracy"] == (
        "this data set has no factor for categories"
    )
    assert ("factor_vae_score" in scores) == bool(names)
    assert ("factor_vae_score" in scores["skipped"]) == (not names)
    if not names:
        assert score_scalars({GROUP: scores}) == {}


def test_codes_are_scored_as_they_are_and_made_normal():
    """The one latent that is constant after the transport is left out."""
    group = "disentanglement_of_normal_codes"
    dataset, options = pixel_dataset(), EvaluationOptions(disentanglement_images=ALL)
    results = evaluate(
        Context(WithTransport(), WITHOUT_SHAPE, dataset), options, only=(GROUP, group)
    )
    assert results["failed"] == results["skipped"] == {}
    for protocol in ("cascade", "locatello"):
        plain, normal = (
            results[name]["factor_vae_score"][protocol] for name in (GROUP, group)
        )
        assert 3 in plain["active"]
        assert 3 not in normal["active"]
    assert results[group]["num_images"] == 360
    assert results[group]["kl_per_latent"] == results[GROUP]["kl_per_latent"]
    results = evaluate(
        Context(PixelModel(), WITHOUT_SHAPE, dataset), options, only=(group,)
    )
    assert results["skipped"] == {
        group: "the prior of this model has no transport to a normal distribution"
    }


def test_a_part_of_the_images():
    only = ("factor_vae_score", "unsupervised_accuracy")
    scores = score(PixelModel(), num_images=100, only=only)
    assert scores["num_images"] == 100
    assert set(scores["factor_vae_score"]) == {"cascade"}
    confusion = scores["unsupervised_accuracy"]["d0"]["confusion"]
    assert np.sum(confusion) == 100
    again = score(PixelModel(), num_images=100, only=only)
    other = score(PixelModel(), num_images=100, only=only, seed=1)
    assert again == scores != other


def test_one_program_for_all_batches_and_weights():
    traces = []

    class Counting(PixelModel):
        def kl_per_latent(self, params, x, posterior, weights):
            traces.append(x.shape)
            return super().kl_per_latent(params, x, posterior, weights)

    for use in (0.0, 1.0):
        score(Counting(), weights={"use_categories": use})
    assert traces == [(50, 5, 1, 1)]


def test_part_of_evaluate():
    model, dataset = PixelModel(), pixel_dataset()
    results = evaluate(
        Context(model, WITHOUT_SHAPE, dataset, batch_size=40),
        EvaluationOptions(disentanglement_images=300),
    )
    scores = results["disentanglement"]
    assert results["failed"] == {}
    assert scores["num_images"] == 300
    assert scores["factor_vae_score"]["cascade"]["factor_vae_score"] == 1.0
    # Vectors of the loss become lists; the KL has a column for the variable.
    assert len(results["loss_terms"]["kl_per_latent"]) == 5
    assert results["loss_terms"]["kl"] == pytest.approx(
        sum(results["loss_terms"]["kl_per_latent"])
    )
    assert len(results["kl_per_latent"]["total"]) == 6
    assert results["kl_terms"]["category_kl"] == pytest.approx(np.log(4))
    # The sparsity is that of the 5 latents.
    assert results["sparsity"]["expected_support"] == 5.0
    json.dumps(results, allow_nan=False)

    plain = dataclasses.replace(model, category_sizes=())
    for num in (0, ALL):
        options = EvaluationOptions(disentanglement_images=num)
        results = evaluate(Context(plain, ON, dataset), options)
        assert ("disentanglement" in results) == (num > 0)
        assert ("unsupervised_accuracy" in results["skipped"]) == (num > 0)
