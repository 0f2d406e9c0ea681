import pytest
from linear_model import LinearAutoencoder, LinearModel, MixedLinearModel
from model_cases import CASES, model_of

from vsc_jax import models
from vsc_jax.evaluation import has, needs
from vsc_jax.evaluation._needs import MISSING_CAPABILITIES
from vsc_jax.metrics import NotApplicable


def test_every_capability_has_a_reason():
    protocols = {
        value
        for value in vars(models._capabilities).values()
        if getattr(value, "_is_protocol", False)
        and value.__module__ == models._capabilities.__name__
    }
    no_score_asks_for = {models.ChecksDataset, models.RenewsStatistics}
    assert set(MISSING_CAPABILITIES) == protocols - no_score_asks_for


def test_the_first_that_is_missing_is_named():
    needs(LinearModel(), models.EncodesImages, models.HasKL, models.SamplesPrior)
    with pytest.raises(NotApplicable, match="this model has no KL to a prior"):
        needs(
            LinearAutoencoder(), models.EncodesImages, models.HasKL, models.Classifies
        )


def test_no_variables_are_no_categories():
    assert has(MixedLinearModel(), models.HasCategories)
    assert not has(MixedLinearModel(category_sizes=()), models.HasCategories)
    assert not has(LinearModel(), models.HasCategories)


@pytest.mark.parametrize("case", CASES)
def test_what_models_of_ours_can_do(case):
    model = model_of(case)
    kind, _, _ = case.partition("-")
    is_classifier, is_n_vae = kind == "information_dropout_classifier", kind == "n_vae"
    assert has(model, models.EncodesImages) != is_classifier
    assert has(model, models.DecodesCodes) != is_classifier
    assert has(model, models.HasLayers) == is_classifier
    assert has(model, models.Classifies) == (is_n_vae or is_classifier)
    assert has(model, models.DecodesClasses) == is_n_vae
    assert has(model, models.FindsObjects) == (kind in ("air", "multi_entity_vae"))
    assert has(model, models.MapsKL) == (kind == "multi_entity_vae")
