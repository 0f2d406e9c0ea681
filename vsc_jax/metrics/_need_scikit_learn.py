"""Scores that fit a model of scikit-learn say so where it is not installed."""

import importlib.util


def need_scikit_learn() -> None:
    """Returns if scikit-learn is there.

    The losses and most scores do without it, so an installation for them may have none.

    Raises:
      ModuleNotFoundError: if it is not installed.

    >>> need_scikit_learn()
    """
    if importlib.util.find_spec("sklearn") is None:
        raise ModuleNotFoundError(
            "this score fits a model of scikit-learn, which is not installed; do "
            "`pip install scikit-learn`.",
            name="sklearn",
        )
