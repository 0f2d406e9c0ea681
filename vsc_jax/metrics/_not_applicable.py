"""The reason why a score does not apply, apart from the errors of a wrong call."""


class NotApplicable(ValueError):  # noqa: N818, a reason to leave a score out, no failure
    """These codes or factors lack what the score needs; the message says what.

    Raised where the arguments are well formed but the score is not defined for them:
    fewer than two factors that vary, labels of one class, categories for a score that
    compares distances. Wrong shapes, dtypes, options and codes that are not finite
    raise ValueError or TypeError instead: those are mistakes, this is a reason to
    leave the score out of a table.

    >>> import vsc_jax.metrics as metrics
    >>> try:
    ...     metrics.mig([[0.0], [1.0]], [[3], [3]])
    ... except metrics.NotApplicable as reason:
    ...     print(reason)
    factors must have at least 1 column with at least 2 values, got 0 such among 1 in
    2 rows.
    """
