"""From the fields of `config.model.prior` to a prior of vsc_jax.priors."""

import jax
import numpy as np
import pytest

from experiments import _points, _prior
from experiments._errors import UserError
from experiments._prior import PCA, prior_fields
from experiments.configs import base, prior_sprites
from vsc_jax.datasets import Dataset, ImageFormat
from vsc_jax.priors import PRIORS, create_prior

LATENT_DIM = 3


@pytest.fixture(scope="module")
def dataset():
    """40 images, of which the first 30 are for training."""
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1))
    rows = np.arange(40, dtype=np.int32)
    return Dataset(
        name="noise",
        images=images.astype(np.uint8),
        format=ImageFormat((4, 4, 1)),
        train_indices=rows[:30],
        test_indices=rows[30:],
    )


@pytest.fixture
def prior():
    return base.get_config("vae").model.prior


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("standard_normal", {}),
        ("gaussian", {}),
        ("learned_gaussian", {"variance": 1.0}),
        ("student_t", {"df": 9.0}),
        (
            "gaussian_mixture",
            {
                "means": ((0.0, -1.0), (0.0, 1.0), (1.0, 0.0), (-1.0, 0.0)),
                "component_variance": 0.03,
            },
        ),
        ("sparse", {"spike_weight": 0.8, "spike_stddev": 0.05}),
    ],
)
def test_the_defaults_of_each_prior(prior, dataset, name, expected):
    prior.name = name
    fields = prior_fields(prior, LATENT_DIM, dataset)
    assert fields == {"name": name, **expected}
    assert create_prior(**fields) == PRIORS[name]()


def test_every_field_of_every_prior_is_in_the_config(prior):
    for kind in PRIORS.values():
        assert set(vars(kind()).keys()) - {"initial"} <= set(prior.keys())


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("gaussian", {"variances": (2.0,)}, {"variances": (2.0,)}),
        ("gaussian", {"variances": (1.0, 2.0, 3.0)}, {"variances": (1.0, 2.0, 3.0)}),
        (
            "learned_gaussian",
            {"variances": (1.0, 2.0, 3.0), "variance": 4.0},
            {"variance": 4.0, "initial": (1.0, 2.0, 3.0)},
        ),
        ("student_t", {"df": 5.0}, {"df": 5.0}),
        (
            "gaussian_mixture",
            {"means": ((0.0, 1.0, 2.0), (1.0, 0.0, 2.0)), "component_variance": 0.5}
            | {"component_weights": (0.25, 0.75)},
            {"means": ((0.0, 1.0, 2.0), (1.0, 0.0, 2.0)), "component_variance": 0.5}
            | {"component_weights": (0.25, 0.75)},
        ),
        (
            "sparse",
            {"spike_weight": 0.0, "spike_stddev": 0.1},
            {"spike_weight": 0.0, "spike_stddev": 0.1},
        ),
    ],
)
def test_what_is_set_arrives(prior, dataset, name, values, expected):
    prior.name = name
    prior.update(values)
    fields = prior_fields(prior, LATENT_DIM, dataset)
    assert fields == {"name": name, **expected}
    made = create_prior(**fields)
    assert all(getattr(made, field) == value for field, value in expected.items())


@pytest.mark.parametrize("name", ["standard_normal", "student_t", "sparse"])
def test_fields_of_other_priors_are_not_looked_at(prior, dataset, name):
    prior.name = name
    before = prior_fields(prior, LATENT_DIM, dataset)
    prior.variances = (0.5,)
    prior.variance = 7.0
    prior.means = ((0.0,),)
    prior.component_weights = (0.1, 0.9)
    assert prior_fields(prior, LATENT_DIM, dataset) == before


@pytest.mark.parametrize("name", ["pca", "learned_pca"])
def test_variances_of_the_principal_components(prior, dataset, name):
    prior.name = name
    prior.variances = (1.0,)  # not of this prior
    fields = prior_fields(prior, LATENT_DIM, dataset)
    pixels = dataset.images[:30].reshape(30, 16) / 255.0
    squares = np.linalg.svd(pixels, compute_uv=False)[:LATENT_DIM] ** 2
    field = {"pca": "variances", "learned_pca": "initial"}[name]
    np.testing.assert_allclose(fields[field], squares / squares.mean(), rtol=1e-5)
    assert sum(fields[field]) == pytest.approx(LATENT_DIM)
    assert fields["name"] == PCA[name]
    made = create_prior(**fields)
    if name == "learned_pca":
        made = made.at(made.init(LATENT_DIM))
        assert set(fields) == {"name", "variance", "initial"}
    z = made.sample(jax.random.key(0), 20_000, LATENT_DIM)
    np.testing.assert_allclose(z.var(0), fields[field], rtol=0.05)


def test_the_published_order_of_the_components(prior, dataset):
    prior.name, prior.smallest_of = "pca", 6
    fields = prior_fields(prior, LATENT_DIM, dataset)
    pixels = dataset.images[:30].reshape(30, 16) / 255.0
    squares = np.linalg.svd(pixels, compute_uv=False)[3:6][::-1] ** 2
    np.testing.assert_allclose(fields["variances"], squares / squares.mean(), rtol=1e-5)


def test_the_components_are_those_of_all_training_images(prior, dataset, monkeypatch):
    prior.name = "pca"
    whole = prior_fields(prior, LATENT_DIM, dataset)
    monkeypatch.setattr(_prior, "NUM_AT_ONCE", 7)
    parts = prior_fields(prior, LATENT_DIM, dataset)
    np.testing.assert_allclose(parts["variances"], whole["variances"], rtol=1e-9)


def test_a_mean_of_the_learned_variances_other_than_one(prior, dataset):
    prior.name, prior.variance = "learned_pca", 3.0
    made = create_prior(**prior_fields(prior, LATENT_DIM, dataset))
    variances = made.at(made.init(LATENT_DIM)).variances
    assert float(np.mean(variances)) == pytest.approx(3.0, rel=1e-5)


@pytest.mark.parametrize(
    ("values", "latent_dim", "message"),
    [
        (
            {"name": "normal"},
            3,
            r"model.prior.name must be one of standard_normal, gaussian, .*, pca, "
            r"learned_pca, got 'normal'\.",
        ),
        (
            {"name": "gaussian", "variances": (1.0, 2.0)},
            3,
            r"variances must have 1 value or one per latent, 3, got 2\.",
        ),
        ({"name": "pca"}, 17, "model.prior.name pca: "),
        (
            {"smallest_of": 2},
            3,
            r"model.prior.smallest_of must be 0, or at least the number of latents, "
            r"3, got 2\.",
        ),
        ({"smallest_of": -1}, 3, r"model.prior.smallest_of must be 0, or .*, got -1\."),
    ],
)
def test_what_is_refused(prior, dataset, values, latent_dim, message):
    prior.update(values)
    with pytest.raises(UserError, match=message) as caught:
        prior_fields(prior, latent_dim, dataset)
    assert "\n" not in str(caught.value)


def test_a_sweep_over_priors():
    config = prior_sprites.get_config("sprites,laptop,quick").lock()
    words = [
        "model.prior.name=standard_normal,pca,student_t",
        "model.prior.df=5,9.5",
        "model.prior.spike_weight=0,0.8",
    ]
    assert _points.parse_sweep(words, config) == {
        "model.prior.name": ("standard_normal", "pca", "student_t"),
        "model.prior.df": (5.0, 9.5),
        "model.prior.spike_weight": (0.0, 0.8),
    }
    with pytest.raises(UserError, match=r"model.prior.df must be of type float"):
        _points.parse_sweep(["model.prior.df=five"], config)
