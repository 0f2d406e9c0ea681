"""One thread for linear algebra that is too small for more."""

import contextlib

from vsc_jax.metrics._need_scikit_learn import need_scikit_learn


def one_blas_thread() -> contextlib.AbstractContextManager:
    """A context in which products of matrices stay on one core.

    L-BFGS of scikit-learn does thousands of products with a few rows each. Threads
    that wait for one another make them ten times slower on a busy machine.

    >>> with one_blas_thread():
    ...     pass
    """
    need_scikit_learn()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")
