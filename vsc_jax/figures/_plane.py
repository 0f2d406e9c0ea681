"""What figures of the plane share: axes around zero, and what lies outside."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALE = "0.8"  # the colour of what stands behind
PANEL = 330  # pixels


def as_points(name: str, points: np.ndarray) -> np.ndarray:
    """Points `[n, 2]` as float64.

    Raises:
      ValueError: if they have another shape, or there are none.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(
            f"{name} must have shape [n, 2] with n at least 1, got {points.shape}."
        )
    return points


def reach(points: np.ndarray, share: float) -> float:
    """Half the side of the square around zero that holds this share of the points."""
    farthest = np.abs(points).max(axis=1)
    farthest = farthest[np.isfinite(farthest)]
    return max(float(np.quantile(farthest, share)), 1e-6) if len(farthest) else 1.0


def set_square(axes: "Axes", limit: float, name: str, points: np.ndarray) -> None:
    """Axes from -limit to limit; what lies outside is counted in a corner."""
    outside = np.count_nonzero(~(np.abs(points) <= limit).all(axis=1))
    if outside:
        note = f"{outside} of {len(points)} outside"
        axes.text(
            0.98, 0.02, note, transform=axes.transAxes, ha="right", fontsize=8, zorder=3
        )
    axes.set_title(name, fontsize=9)
    axes.set_xlim(-limit, limit)
    axes.set_ylim(-limit, limit)
    axes.set_aspect("equal")
    axes.tick_params(labelsize=8)
