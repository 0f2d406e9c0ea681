"""How to call every score that `vsc_jax.metrics` exports with one set of arrays.

Arrays are given by the names of parameters, so a new score whose parameters have names
of the field needs no entry here.
"""

import inspect

import numpy as np

from vsc_jax import metrics

SCORES = dict(inspect.getmembers(metrics, inspect.isfunction))

# Parameters for codes, and those for what is known of the images.
CODES = ("codes", "mean", "train_codes", "support")
FACTORS = ("factors", "labels", "train_labels", "sources")
# Few steps where a score learns: how good it is does not matter here.
CHEAP = {"num_train": 50, "num_eval": 50, "num_votes": 50, "num_eval_votes": 50}
CHEAP |= {"num_trees": 5, "num_labels": 20, "num_penalties": 2, "max_steps": 5}


def call(name, codes, factors, **options):
    """The score of `codes` `[n, d]` and integers `factors` `[n, num_factors]`.

    An option that the score does not have is left out.
    """
    parameters = inspect.signature(SCORES[name]).parameters
    labels = factors[:, 0] if np.ndim(factors) == 2 else factors
    shape = np.shape(codes)
    arrays = {
        "codes": [codes, codes] if name == "udr" else codes,
        "mean": codes,
        "support": codes,
        "train_codes": codes,
        "test_codes": codes,
        "log_var": np.full(shape, -4.0),
        "slab_prob": np.full(shape, 0.5),
        "factors": factors,
        "sources": factors,
        "labels": labels,
        "train_labels": labels,
        "test_labels": labels,
        "categories": labels,
        "block_kl": np.ones((len(labels), 4, 2)),
        "class_labels": labels,
        "vote_codes": np.stack([codes, codes]) if np.ndim(codes) == 2 else codes,
        "fixed": np.arange(2),
        "image_codes": codes,
        "cross_scores": np.full((2, 2), 0.5),
    }
    options = CHEAP | options
    if name == "downstream" and isinstance(options["num_labels"], int):
        options["num_labels"] = (options["num_labels"],)
    given = {}
    for parameter in parameters.values():
        if parameter.name in options:
            given[parameter.name] = options[parameter.name]
        elif parameter.default is parameter.empty:
            if parameter.name not in arrays:
                raise KeyError(
                    f"{name} takes {parameter.name!r}: add to `arrays` in "
                    f"{__file__} what stands for it, or give it a name that is there."
                )
            given[parameter.name] = arrays[parameter.name]
    return SCORES[name](**given)


def taking(parameters):
    """Names of the scores with one of these parameters, in alphabetical order."""
    return sorted(
        name
        for name, function in SCORES.items()
        if set(parameters) & set(inspect.signature(function).parameters)
    )
