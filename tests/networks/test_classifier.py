"""The classifier: a trunk, then one linear layer in float32."""

import jax
import jax.numpy as jnp
import numpy as np

from vsc_jax.networks import MLP, Classifier, init_params


def test_logits_are_linear_in_the_features_of_the_trunk():
    classifier = Classifier(MLP((5,), dtype=jnp.bfloat16), num_classes=3)
    x = jax.random.uniform(jax.random.key(0), (4, 6, 5, 1))
    params = init_params(classifier, jax.random.key(1), x)
    logits = classifier.apply(params, x)
    assert logits.shape == (4, 3)
    assert logits.dtype == jnp.float32
    layers = params["params"]
    features = MLP((5,), dtype=jnp.bfloat16).apply({"params": layers["trunk"]}, x)
    head = {name: np.asarray(leaf) for name, leaf in layers["Dense_0"].items()}
    expected = np.asarray(features, np.float32) @ head["kernel"] + head["bias"]
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)
