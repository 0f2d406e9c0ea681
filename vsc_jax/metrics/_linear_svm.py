"""Linear support vector machines of a single feature, all classes at once."""

from typing import NamedTuple

import numpy as np

_MAX_STEPS = 100


def fit_linear_svm(
    x: np.ndarray, y: np.ndarray, *, penalty: float = 0.01
) -> tuple[np.ndarray, np.ndarray]:
    """One-vs-rest classifiers of integer classes from one feature.

    Class k has the minimum over (w, b) of

        (w^2 + b^2) / 2 + penalty sum_i c_i max(0, 1 - s_i (w x_i + b))^2,

    s_i = 1 and c_i = n / (K n_k) for rows of the class, s_i = -1 and c_i = 1 for the
    others: `sklearn.svm.LinearSVC(C=penalty, class_weight="balanced")`, which weighs
    the rest by 1 unless there are two classes, where both are weighted. The minimum is
    found exactly by Newton's method; as the rows that count are those on one side of a
    threshold, sums over them are differences of cumulative sums.

    Args:
      x: `[n]`.
      y: integers `[n]` from 0 to K - 1, each at least once.
      penalty: C.

    Returns:
      w and b, `[K]` each; a row belongs to the class with the largest w x + b.

    >>> w, b = fit_linear_svm(np.array([-1.0, 1.0]), np.array([0, 1]), penalty=10.0)
    >>> w.round(3).tolist(), b.round(3).tolist()
    ([-0.976, 0.976], [0.0, 0.0])
    """
    sums = _Sums.make(x, y)
    sizes = np.bincount(y)
    weights = penalty * len(x) / (len(sizes) * sizes)
    others = weights[::-1] if len(sizes) == 2 else np.full(len(sizes), penalty)
    w, b = np.zeros(len(sizes)), np.zeros(len(sizes))
    value, gradient, hessian = _objective(sums, w, b, weights, others)
    for _ in range(_MAX_STEPS):
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        # Half the Newton decrement bounds what is left to gain near the minimum.
        gain = (gradient * step).sum(axis=1)
        if (gain <= 1e-12 * (1 + value)).all():
            break
        scale = np.ones((len(w), 1))
        new_w, new_b = w, b
        for _ in range(40):
            new_w, new_b = (np.stack([w, b], axis=1) - scale * step).T
            lower = _objective(sums, new_w, new_b, weights, others)[0]
            worse = lower > value - 1e-4 * scale[:, 0] * gain + 1e-12 * value
            if not worse.any():
                break
            scale[worse] /= 2
        w, b = new_w, new_b
        value, gradient, hessian = _objective(sums, w, b, weights, others)
    return w, b


class _Sums(NamedTuple):
    """Cumulative sums of 1, x, x^2 over sorted rows: of all, and class by class.

    Attributes:
      x: `[n]` sorted.
      total: `[n + 1, 3]`.
      keys: `[n]` sorted, class * (n + 1) + position in `x`.
      by_class: `[n + 1, 3]` in the order of `keys`.
      starts: `[K + 1]`, where each class begins in `keys`.
    """

    x: np.ndarray
    total: np.ndarray
    keys: np.ndarray
    by_class: np.ndarray
    starts: np.ndarray

    @classmethod
    def make(cls, x: np.ndarray, y: np.ndarray) -> "_Sums":
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
        keys = y * (len(x) + 1) + np.arange(len(x))
        by_class = np.argsort(keys, kind="stable")
        powers = np.stack([np.ones(len(x)), x, x**2], axis=1)
        zero = np.zeros((1, 3))
        return cls(
            x,
            np.concatenate([zero, powers.cumsum(axis=0)]),
            keys[by_class],
            np.concatenate([zero, powers[by_class].cumsum(axis=0)]),
            np.concatenate([[0], np.bincount(y).cumsum()]),
        )

    def below(
        self, w: np.ndarray, b: np.ndarray, bound: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Sums over rows with w x + b < bound, `[K, 3]`: of the class, of all rows."""
        n, classes = len(self.x), np.arange(len(w))
        threshold = (bound - b) / np.where(w == 0, 1.0, w)
        side = np.searchsorted(self.x, threshold)
        side = np.where(w == 0, np.where(b < bound, n, 0), side)
        place = np.searchsorted(self.keys, classes * (n + 1) + side)
        first, last = self.starts[:-1], self.starts[1:]
        own = self.by_class[place] - self.by_class[first]
        every = self.total[side]
        falling = (w < 0)[:, None]  # then x must be above the threshold
        whole = self.by_class[last] - self.by_class[first]
        return (
            np.where(falling, whole - own, own),
            np.where(falling, self.total[-1][None] - every, every),
        )


def _objective(
    sums: _Sums, w: np.ndarray, b: np.ndarray, weights: np.ndarray, others: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value `[K]`, gradient `[K, 2]` and Hessian `[K, 2, 2]`."""
    own, _ = sums.below(w, b, 1.0)
    own_low, every_low = sums.below(w, b, -1.0)
    whole = sums.by_class[sums.starts[1:]] - sums.by_class[sums.starts[:-1]]
    rest = sums.total[-1][None] - whole - (every_low - own_low)
    value = (w**2 + b**2) / 2
    gradient = np.stack([w, b], axis=1)
    hessian = np.tile(np.eye(2), (len(w), 1, 1))
    for active, sign, c in ((own, 1.0, weights), (rest, -1.0, others)):
        s0, s1, s2 = active.T
        shift = b - sign  # residuals are w x + shift
        value = value + c * (w**2 * s2 + 2 * w * shift * s1 + shift**2 * s0)
        gradient[:, 0] += 2 * c * (w * s2 + shift * s1)
        gradient[:, 1] += 2 * c * (w * s1 + shift * s0)
        hessian[:, 0, 0] += 2 * c * s2
        hessian[:, 0, 1] += 2 * c * s1
        hessian[:, 1, 0] += 2 * c * s1
        hessian[:, 1, 1] += 2 * c * s0
    return value, gradient, hessian
