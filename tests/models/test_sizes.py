"""Parameter counts of the published models, and fields that cannot be."""

import math

import jax
import pytest
from tiny_runs import IMAGE_SHAPE

from vsc_jax.models import create_model


def num_parameters(model):
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize(
    ("name", "image_shape", "latent_dim", "expected"),
    [
        ("vsc", (28, 28, 1), 200, 949_384),
        ("vae", (28, 28, 1), 200, 869_184),
        ("vsc", (64, 64, 1), 100, 859_245),
        ("vsc", (64, 64, 1), 200, 961_945),
        ("vsc", (64, 64, 3), 200, 963_995),
        ("vae", (64, 64, 1), 10, 764_245),
    ],
)
def test_parameter_counts_of_the_published_models(
    name, image_shape, latent_dim, expected
):
    network = "conv" if image_shape[0] == 64 else "mlp"
    model = create_model(
        name, image_shape=image_shape, latent_dim=latent_dim, network=network
    )
    assert num_parameters(model) == expected


def test_parameter_count_of_the_model_of_tonolini_et_al():
    model = create_model(
        "exemplar_vsc", image_shape=(28, 28, 1), latent_dim=60, num_pseudo_inputs=10
    )
    encoder = (784 + 1) * 3000 + 3 * (3000 + 1) * 60
    decoder = (60 + 1) * 3000 + 2 * (3000 + 1) * 784
    pseudo_inputs, selector = 10 * 784, (784 + 1) * 10
    total = encoder + decoder + pseudo_inputs + selector
    assert num_parameters(model) == total == 7_799_438


def test_bad_fields():
    def refused(pattern, error=ValueError, name="vae", **fields):
        with pytest.raises(error, match=pattern):
            create_model(name, **{"image_shape": IMAGE_SHAPE} | fields)

    refused("model must be one of autoencoder, .*, got 'x'", name="x")
    refused("likelihood must be one of .*, got 'x'", likelihood="x")
    refused("latent_dim must be a whole number of at least 1, got 0", latent_dim=0)
    refused("likelihood_scale must be above 0, got 0", likelihood_scale=0.0)
    refused("likelihood_scale must be above 0, got nan", likelihood_scale=math.nan)
    refused("network must be one of mlp, conv, dcgan, got 'x'", network="x")
    refused("dtype must be one of float32, bfloat16, got 'x'", dtype="x")
    refused("initializer must be one of pytorch, .*, got 'x'", initializer="x")
    refused("hidden must be a whole number of at least 1, got 0", hidden=(8, 0))
    refused("hidden must be a whole number .*, got 'a'", hidden=("a",))
    refused("channels must be a whole number .*, got 0", channels=(0,))
    refused("decoder_channels must be a whole .*, got 0", decoder_channels=(0,))
    refused("features must be a whole number .*, got -1", features=-1)
    refused("gate must be .*, got 'x'", name="vsc", gate="x")
    refused("mean_function must be one of sigmoid, .*, got 'x'", mean_function="x")
    refused(
        "mean_function must be 'sigmoid' for .* 'bernoulli', got 'identity'",
        mean_function="identity",
    )
    refused("prior must be one of standard_normal, .*, got 'x'", prior={"name": "x"})
    refused(
        "prior 'student_t' has no option 'variance'; its options are df",
        TypeError,
        prior={"name": "student_t", "variance": 1.0},
    )
    refused(
        r"variances must .* \(10,\)", prior={"name": "gaussian", "variances": (1, 2)}
    )
    for name in ("vsc", "autoencoder", "cascade_vae"):
        refused(
            "network must be 'mlp' or 'conv' for .*, whose loss keeps no statistics",
            name=name,
            network="dcgan",
            image_shape=(32, 32, 1),
        )
    refused(
        "num_pseudo_inputs must be a whole number of at least 1",
        name="exemplar_vsc",
        num_pseudo_inputs=0,
    )
    refused(
        "network must be 'mlp' for ExemplarVSC",
        name="exemplar_vsc",
        network="conv",
        image_shape=(28, 28, 1),
    )
    refused("unexpected keyword argument 'gate'", TypeError, gate="relu")
    refused(r"image_shape", network="conv")
