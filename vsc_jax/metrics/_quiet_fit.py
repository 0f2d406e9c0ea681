"""Fits of scikit-learn on one core, without a word where steps run out."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

from numpy.typing import ArrayLike

from vsc_jax.metrics._need_scikit_learn import need_scikit_learn
from vsc_jax.metrics._one_blas_thread import one_blas_thread


def fit_quietly(model: Any, x: ArrayLike, y: ArrayLike) -> None:
    """`model.fit(x, y)` on one BLAS thread, silent where steps run out."""
    with quiet_fits():
        model.fit(x, y)


@contextlib.contextmanager
def quiet_fits() -> Iterator[None]:
    """A context in which every fit is one of `fit_quietly`.

    To enter it takes up to 10 ms, as long as a small fit, so many fits share one.
    """
    need_scikit_learn()
    # Before the threads are counted, for it brings some of them.
    from sklearn.exceptions import ConvergenceWarning

    with one_blas_thread(), warnings.catch_warnings():
        # Whoever sets few steps wants the score after these.
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
