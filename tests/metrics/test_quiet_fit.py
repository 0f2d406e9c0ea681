import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info

from vsc_jax.metrics._quiet_fit import fit_quietly, quiet_fits


class Recorder:
    """A model that notes how many threads it had, and warns as it is told."""

    def __init__(self, *kinds):
        self.kinds = kinds

    def fit(self, x, y):
        self.given = x, y
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        self.threads = {pool["num_threads"] for pool in pools}
        for kind in self.kinds:
            warnings.warn("as told", kind, stacklevel=1)


def test_the_fit_has_one_thread():
    model = Recorder()
    fit_quietly(model, 1, 2)
    assert model.given == (1, 2)
    assert model.threads <= {1}


def test_steps_that_run_out_are_silent_and_nothing_else_is():
    fit_quietly(Recorder(ConvergenceWarning), 1, 2)
    with pytest.warns(RuntimeWarning, match="as told"):
        fit_quietly(Recorder(RuntimeWarning, ConvergenceWarning), 1, 2)
    with pytest.warns(ConvergenceWarning, match="as told"):
        Recorder(ConvergenceWarning).fit(1, 2)


def test_a_model_of_scikit_learn_in_both_forms():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), np.arange(50) % 2
    model, again = (LogisticRegression(C=1e6, max_iter=1) for _ in range(2))
    fit_quietly(model, x, y)
    with quiet_fits():
        again.fit(x, y)
    np.testing.assert_array_equal(model.coef_, again.coef_)
    with pytest.warns(ConvergenceWarning):
        LogisticRegression(C=1e6, max_iter=1).fit(x, y)
