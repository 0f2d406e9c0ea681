import numpy as np
import pytest

from vsc_jax.metrics import absolute_correlation


def test_matrix_against_corrcoef():
    rng = np.random.default_rng(0)
    sources = rng.normal(size=(300, 3)) * (rng.random((300, 3)) < 0.5)
    codes = rng.normal(size=(300, 4)) + sources @ rng.normal(size=(3, 4))
    result = absolute_correlation(codes, sources)
    expected = np.corrcoef(np.abs(sources).T, np.abs(codes).T)[:3, 3:]
    np.testing.assert_allclose(result.matrix, np.abs(expected), atol=1e-12)


def test_latents_are_grouped_by_source():
    rng = np.random.default_rng(1)
    sources = rng.normal(size=(5_000, 3)) * (rng.random((5_000, 3)) < 0.5)
    noise = rng.normal(size=(5_000, 2))
    # Latents 0 and 3 follow source 2 (3 weakly), 1 source 0; 2 and 4 follow none.
    weak = -sources[:, 2] + 0.3 * rng.normal(size=5_000)
    codes = np.stack(
        [sources[:, 2], -3 * sources[:, 0], noise[:, 0], weak, 0 * noise[:, 1]], axis=1
    )
    result = absolute_correlation(codes, sources)
    assert result.num_assigned == 3
    assert result.latent_order.tolist() == [1, 0, 3, 2, 4]
    assert result.matrix[:, 4].tolist() == [0, 0, 0]
    assert result.matrix[2, 0] == pytest.approx(1.0)
    assert result.matrix[0, 1] == pytest.approx(1.0)


def test_threshold_decides_who_belongs():
    rng = np.random.default_rng(2)
    sources = rng.normal(size=(500, 2))
    codes = sources + 0.1 * rng.normal(size=(500, 2))
    assert absolute_correlation(codes, sources, threshold=1.1).num_assigned == 0
    assert absolute_correlation(codes, sources[:, :1]).num_assigned >= 1


def test_rows_must_agree():
    with pytest.raises(ValueError, match="sources must have one row per row of codes"):
        absolute_correlation(np.ones((4, 2)), np.ones((3, 2)))
