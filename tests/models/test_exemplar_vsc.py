"""VSC as published: the selector of pseudo-inputs."""

import jax
import jax.numpy as jnp
import numpy as np
from model_cases import model_of


def test_selectors_that_are_all_off_still_say_which_is_nearest():
    model = model_of("exemplar_vsc")
    params = jax.jit(model.init)(jax.random.key(0))
    bias = jnp.linspace(-121.0, -120.0, model.num_pseudo_inputs)
    selector = {"kernel": jnp.zeros_like(params["selector"]["kernel"]), "bias": bias}
    x = jnp.zeros((1, *model.image_shape))

    def share(selector):
        return model.select(params | {"selector": selector}, x)[0, -1]

    value, gradient = jax.jit(jax.value_and_grad(share))(selector)
    expected = np.exp(np.asarray(bias, np.float64))
    np.testing.assert_allclose(value, expected[-1] / expected.sum(), rtol=1e-5)
    assert np.isfinite(gradient["bias"]).all()
