import numpy as np
import pytest
from scipy.stats import spearmanr

from experiments._rank_correlation import rank_correlation


def test_it_is_spearmans_over_the_runs_that_have_both():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(12, 3))
    runs = [dict(zip("abc", row.tolist(), strict=True)) for row in values]
    del runs[0]["c"]
    runs[1]["c"] = float("nan")
    matrix, counts = rank_correlation(runs, ["a", "b", "c"])
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx(spearmanr(*values.T[:2])[0])
    assert matrix[0, 2] == pytest.approx(spearmanr(*values[2:, [0, 2]].T)[0])
    np.testing.assert_allclose(np.diag(matrix), 1.0)
    np.testing.assert_array_equal(counts, [[12, 12, 10], [12, 12, 10], [10, 10, 10]])


def test_where_it_is_undefined():
    """A score that never changes, and one that two runs have, without a warning."""
    runs = [{"a": 1.0, "b": float(i), "c": i} for i in range(4)]
    for run in runs[2:]:
        del run["c"]
    matrix, counts = rank_correlation(runs, ["a", "b", "c"])
    assert np.isnan(matrix[0]).all()
    assert np.isnan(matrix[2]).all()
    assert matrix[1, 1] == pytest.approx(1.0)
    assert counts[1, 2] == 2
