import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from vsc_jax.metrics import NotApplicable, explicitness, modularity

SIZES = (3, 4, 5, 8)


def grid(sizes=SIZES):
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def draw(num, sizes, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(k, size=num) for k in sizes], axis=1)


def standardised(factors):
    return (factors - factors.mean(axis=0)) / factors.std(axis=0)


def rotation(size, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def noise(num, size, seed=0):
    return np.random.default_rng(seed).normal(size=(num, size))


def test_modularity_of_true_duplicated_and_missing():
    factors = grid()
    codes = standardised(factors)[:, [2, 0, 1, 3]] * [-2.0, 9.0, 1e-3, 1.0] + 5.0
    for z in (codes, np.concatenate([codes, codes], axis=1), codes[:, 1:]):
        assert modularity(z, factors)["modularity"] == pytest.approx(1.0)
    # 1e-3 is below the threshold of active codes.
    assert modularity(codes, factors)["active"] == [0, 1, 3]
    assert modularity(codes, factors, min_std=0)["active"] == [0, 1, 2, 3]


def test_modularity_by_hand():
    # a + b has half a bit on each of two bits, and nothing on the third factor.
    bits = grid((2, 2, 2))
    code = bits[:, :1] + bits[:, 1:2]
    assert modularity(code, bits)["modularity"] == pytest.approx(1 - 1 / 2)
    assert modularity(code, bits[:, :2])["modularity"] == pytest.approx(0)
    # a + 2 c + 4 b holds all: bits as they are.
    everything = bits @ [[1], [4], [2]]
    assert modularity(everything, bits)["modularity"] == pytest.approx(0)
    # 2 a + b of a in 4, b in 2 values: log 4 against log 2 where nothing is merged.
    factors = grid((4, 2))
    code = 2 * factors[:, :1] + factors[:, 1:]
    assert modularity(code, factors)["modularity"] == pytest.approx(1 - 1 / 4)


def test_constant_codes_count_as_zero_unless_active():
    factors = grid()
    padded = np.concatenate([factors, np.full((480, 4), 0.1, np.float32)], axis=1)
    scores = modularity(padded, factors)
    assert scores["modularity"] == pytest.approx(1 / 2)
    assert scores["modularity_active"] == pytest.approx(1.0)
    assert scores["active"] == [0, 1, 2, 3]
    scores = modularity(padded[:, 4:], factors)
    assert scores["modularity"] == scores["modularity_active"] == 0.0
    # Noise of a standard deviation of 0.01 instead.
    idle = np.concatenate([factors, 0.01 * noise(480, 4)], axis=1)
    scores = modularity(idle, factors)
    assert 0.5 < scores["modularity"] < 0.95
    assert scores["modularity_active"] == pytest.approx(1.0)


def test_modularity_of_noise_is_that_of_its_bias():
    sizes = (3, 6, 40, 32, 32)
    factors = draw(2_000, sizes)
    scores = modularity(noise(2_000, 10), factors)
    square = (np.array(sizes) - 1.0) ** 2
    expected = 1 - (square.sum() - square.max()) / (4 * square.max())
    assert scores["modularity"] == pytest.approx(expected, abs=0.1)
    assert modularity(standardised(factors) @ rotation(5), factors)["modularity"] < 0.9


def test_modularity_takes_categories_and_leaves_constant_factors_out():
    factors = grid((3, 4, 5))
    shape = np.array([40, -3, 7])[factors[:, :1]]
    constant = np.full_like(shape, 4)
    scores = modularity(
        factors[:, 1:], factors, categories=np.concatenate([shape, constant], axis=1)
    )
    assert scores["modularity_per_latent"] == pytest.approx([1, 1, 1, 0])
    assert scores["active"] == [0, 1, 2]
    json.dumps(scores)
    with_constant = np.insert(factors, 1, 7, axis=1)
    scores = modularity(factors, with_constant)
    assert scores["factors"] == [0, 2, 3]
    assert scores["modularity"] == pytest.approx(1.0)
    assert 0 <= modularity(noise(5, 30), draw(5, (2, 3)))["modularity"] <= 1


def test_explicitness_against_scikit_learn():
    factors, test = draw(400, (2, 3, 6)), draw(300, (2, 3, 6), 1)
    codes = factors @ noise(3, 4) + noise(400, 4)
    codes_test = test @ noise(3, 4) + noise(300, 4, 1)
    scores = explicitness(codes, factors, codes_test, test)
    mean, std = codes.mean(axis=0), codes.std(axis=0)
    expected = []
    for k in range(3):
        model = LogisticRegression(max_iter=1_000)
        model.fit((codes - mean) / std, factors[:, k])
        p = model.predict_proba((codes_test - mean) / std)
        hot = test[:, k, None] == model.classes_[None]
        expected.append(roc_auc_score(hot, p, average="macro"))
    np.testing.assert_allclose(scores["explicitness_per_factor"], expected, rtol=1e-6)
    assert scores["explicitness"] == pytest.approx(np.mean(expected))
    assert scores["num_train"], scores["num_test"] == (400, 300)
    json.dumps(scores)


def test_explicitness_of_known_codes():
    factors = draw(800, (3, 4, 5))
    codes = standardised(factors)
    true = explicitness(codes, factors)
    assert true["explicitness"] > 0.95
    # The penalty and so the score do not see a rotation of white codes, nor a scale.
    turned = explicitness(codes @ rotation(3), factors)["explicitness"]
    assert turned == pytest.approx(true["explicitness"], abs=0.003)
    scaled = explicitness(7 - 0.1 * codes, factors)["explicitness"]
    assert scaled == pytest.approx(true["explicitness"], abs=1e-4)
    padded = np.concatenate([codes, np.full((800, 2), 0.1)], axis=1)
    assert explicitness(padded, factors)["explicitness"] == pytest.approx(
        true["explicitness"], abs=1e-4
    )
    twice = explicitness(np.tile(codes, 2), factors)["explicitness"]
    assert twice == pytest.approx(true["explicitness"], abs=0.01)
    # A factor that is not in the codes has chance.
    missing = explicitness(codes[:, 1:], factors)["explicitness_per_factor"]
    assert missing[0] == pytest.approx(0.5, abs=0.05)
    assert min(missing[1:]) > 0.95
    alone = explicitness(codes, factors[:, 1:2])
    assert alone["explicitness"] == pytest.approx(true["explicitness_per_factor"][1])


def test_explicitness_of_nothing_is_one_half():
    factors = draw(2_000, SIZES)
    assert explicitness(np.full((2_000, 3), 0.1), factors)["explicitness"] == 0.5
    scores = explicitness(noise(2_000, 5), factors)
    assert scores["explicitness"] == pytest.approx(0.5, abs=0.02)
    assert scores["explicitness_train"] > scores["explicitness"]
    shuffled = np.random.default_rng(1).permutation(factors)
    scores = explicitness(shuffled, factors)
    assert scores["explicitness"] == pytest.approx(0.5, abs=0.03)


def test_explicitness_of_values_that_one_part_lacks():
    factors = draw(200, (2, 3, 4))
    test = factors.copy()
    test[test == 2] = 9
    scores = explicitness(factors, factors, factors, test)
    # The values that both parts have; bits are ranked without a fault.
    assert scores["explicitness_per_factor"][0] == 1.0
    assert all(0.5 < s <= 1 for s in scores["explicitness_per_factor"])
    test[:, 0] = 0
    scores = explicitness(factors, factors, factors, test)
    assert scores["explicitness_per_factor"][0] == 0.5


def test_explicitness_takes_categories():
    factors = draw(900, (3, 4))
    shape = np.array([40, -3, 7])[factors[:, :1]]
    scores = explicitness(noise(900, 1), factors, categories=shape)
    assert scores["explicitness_per_factor"][0] == 1.0
    assert scores["explicitness_per_factor"][1] == pytest.approx(0.5, abs=0.05)
    few = explicitness(noise(900, 1), factors, categories=shape, max_steps=1)
    assert few["explicitness"] > 0.5
    assert 0 <= explicitness(noise(12, 30), draw(12, (2, 2)))["explicitness"] <= 1


def test_bad_input():
    factors = grid()
    with pytest.raises(ValueError, match="min_std must be at least 0, got -1"):
        modularity(factors, factors, min_std=-1)
    with pytest.raises(ValueError, match=r"at least 2 columns .* got 1"):
        modularity(factors, factors[:, :1])
    with pytest.raises(ValueError, match="factors must have one row per row of codes"):
        modularity(factors, factors[1:])
    with pytest.raises(TypeError, match="factors must be integers"):
        modularity(factors, factors / 2)
    with pytest.raises(ValueError, match="penalty must be above 0, got 0"):
        explicitness(factors, factors, penalty=0)
    with pytest.raises(ValueError, match="all together or not at all"):
        explicitness(factors, factors, factors)
    with pytest.raises(ValueError, match="values that are not finite"):
        explicitness(np.full((480, 1), np.nan), factors)


def test_a_test_part_in_which_nothing_can_be_ranked():
    y = np.stack(np.divmod(np.arange(48) % 12, 4), axis=1)
    message = "factors must vary among the rows of the test part .*, got"
    for rows in (y[:1], y[[0, 0]], y + 100):
        with pytest.raises(NotApplicable, match=message):
            explicitness(y, y, rows, rows)
    # One factor of two that varies there is enough; the other has 1/2.
    scores = explicitness(y, y, y[:4], y[:4])
    assert scores["explicitness_per_factor"][0] == 0.5
    assert scores["explicitness_per_factor"][1] > 0.9
