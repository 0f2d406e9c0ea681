import numpy as np
import pytest
from PIL import Image

from vsc_jax.figures import plot_aggregate_posterior, plot_points

INK = (0x1F, 0x3B, 0x5C)
PURPLE = (68, 1, 84)  # lowest of viridis
YELLOW = (253, 231, 37)  # highest
BLUE, ORANGE = (31, 119, 180), (255, 127, 14)
NARROW = 2 * np.log(0.05)


def read(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def has(picture, colour):
    return (np.abs(picture - np.array(colour)) <= 3).all(axis=-1)


def frames(picture):
    """Left and right edge of each panel, and its top and bottom."""
    black = (picture == 0).all(axis=-1)
    rows = np.flatnonzero(black.sum(axis=1) > 0.4 * picture.shape[1])
    top, bottom = rows[0], rows[-1]
    columns = np.flatnonzero(black[top:bottom].mean(axis=0) > 0.95)
    # A line may be two pixels wide.
    columns = columns[np.r_[True, np.diff(columns) > 2]]
    return columns, (top, bottom)


def place(found, sides, edges, limit):
    """Mean position of the pixels found, in the units of the axes."""
    rows, columns = np.nonzero(found)
    x = (columns.mean() - sides[0]) / (sides[1] - sides[0]) * 2 - 1
    y = 1 - (rows.mean() - edges[0]) / (edges[1] - edges[0]) * 2
    return limit * x, limit * y


def grid_of_points():
    return np.stack(np.meshgrid([-1.0, 1.0], [-1.0, 1.0]), -1).reshape(-1, 2)


def test_points_have_a_panel_each_on_the_same_axes(tmp_path):
    x = grid_of_points()
    picture = read(plot_points(x, 0.5 * x, 0.8 * x, tmp_path / "deep" / "points.png"))
    sides, edges = frames(picture)
    assert len(sides) == 6
    # A panel each, with axes from -1.05 to 1.05.
    reach = []
    for left, right in sides.reshape(3, 2):
        inside = picture[edges[0] + 3 : edges[1] - 2, left + 3 : right - 2]
        coloured = np.ptp(inside, axis=-1) > 40
        # Between centres: how wide a point is drawn depends on Matplotlib's version.
        columns = np.flatnonzero(coloured.any(axis=0))
        is_left = columns < inside.shape[1] / 2
        apart = columns[~is_left].mean() - columns[is_left].mean()
        reach.append(apart / (right - left) * 1.05)
    np.testing.assert_allclose(reach, [1.0, 0.5, 0.8], atol=0.01)
    # The data stand in grey behind the others, not behind themselves.
    grey = has(picture[edges[0] + 3 : edges[1] - 2], (204, 204, 204))
    counts = [grey[:, a + 3 : b - 2].sum() for a, b in sides.reshape(3, 2)]
    assert counts[0] == 0
    assert min(counts[1:]) > 10


def test_points_without_a_prior_have_two_panels(tmp_path):
    x = grid_of_points()
    picture = read(plot_points(x, x, None, tmp_path / "points.png"))
    assert len(frames(picture)[0]) == 4


def test_far_samples_do_not_shrink_the_data(tmp_path):
    x = grid_of_points()
    near = np.tile(x, (50, 1))
    far = near.copy()
    far[7] = 1e6
    far[8] = np.nan
    pictures = [
        read(plot_points(x, x, samples, tmp_path / "points.png"))
        for samples in (near, far)
    ]
    sides, edges = frames(pictures[0])
    first = (slice(*edges), slice(sides[0], sides[1]))
    np.testing.assert_array_equal(pictures[0][first], pictures[1][first])
    # Only the last panel says that something is outside.
    corner = (slice(edges[1] - 25, edges[1] - 3), slice(sides[5] - 120, sides[5] - 5))
    dark = [(picture[corner].max(axis=-1) < 80).sum() for picture in pictures]
    assert dark[0] == 0
    assert dark[1] > 30


def test_bad_points_are_refused(tmp_path):
    x = grid_of_points()
    path = tmp_path / "x.png"
    with pytest.raises(ValueError, match=r"x must have shape \[n, 2\].*\(4, 3\)"):
        plot_points(np.zeros((4, 3)), x, None, path)
    with pytest.raises(ValueError, match="one row per point, 4, got 3"):
        plot_points(x, x[:3], None, path)
    with pytest.raises(ValueError, match=r"samples must have.*n at least 1.*\(0, 2\)"):
        plot_points(x, x, np.zeros((0, 2)), path)


def test_density_and_means_lie_where_they_should(tmp_path):
    mean = np.repeat([[1.0, 0.5], [-1.5, -1.0]], 50, axis=0)
    rng = np.random.default_rng(0)
    picture = read(
        plot_aggregate_posterior(
            mean,
            np.full_like(mean, NARROW),
            0.3 * rng.normal(size=(400, 2)),
            tmp_path / "q.png",
            classes=np.repeat([0, 1], 50),
        )
    )
    sides, edges = frames(picture)
    # The frame of the colour bar stands between those of the panels.
    left, right = sides[:2], sides[-2:]
    density = picture[edges[0] : edges[1], left[0] : left[1]]
    size = density.shape[1]
    assert has(density, PURPLE).mean() > 0.9
    # Above 1 is shown as 1: both peaks are 1 / (2 pi 0.05^2) / 2 = 32.
    peaks = has(density, YELLOW)
    halves = [peaks[:, : size // 2], peaks[:, size // 2 :]]
    for half, shift, expected in zip(
        halves, (0, size // 2), [(-1.5, -1.0), (1.0, 0.5)], strict=True
    ):
        found = place(half, (-shift, size - shift), (0, len(density)), 2.0)
        np.testing.assert_allclose(found, expected, atol=0.03)
    panel = picture[:, right[0] : right[1]]
    for colour, expected in ((BLUE, (1.0, 0.5)), (ORANGE, (-1.5, -1.0))):
        found = place(has(panel, colour), (0, np.ptp(right)), edges, 2.0)
        np.testing.assert_allclose(found, expected, atol=0.04)
    assert has(panel, (204, 204, 204)).sum() > 300


@pytest.mark.parametrize("log_var", [-12.0, -2_000.0])
def test_narrow_codes_are_seen(tmp_path, log_var):
    rng = np.random.default_rng(0)
    mean = rng.uniform(-1.5, 1.5, size=(20, 2))
    picture = read(
        plot_aggregate_posterior(
            mean, np.full_like(mean, log_var), mean, tmp_path / "q.png"
        )
    )
    sides, edges = frames(picture)
    density = picture[edges[0] : edges[1], sides[0] : sides[1]]
    for x, y in mean:
        row = round((2 - y) / 4 * len(density))
        column = round((x + 2) / 4 * density.shape[1])
        near = density[row - 2 : row + 3, column - 2 : column + 3]
        assert not has(near, PURPLE).all()
    assert has(picture, INK).sum() > 100


def test_the_axes_hold_a_wide_prior(tmp_path):
    mean = np.zeros((30, 2))
    prior = np.random.default_rng(0).uniform(-5.0, 5.0, size=(3_000, 2))
    picture = read(
        plot_aggregate_posterior(mean, np.zeros_like(mean), prior, tmp_path / "q.png")
    )
    sides, edges = frames(picture)
    density = picture[edges[0] : edges[1], sides[0] : sides[1]]
    # A standard Gaussian is at 1 / (2 pi) in its middle and fades at 4 of 5.
    middle = density[len(density) // 2, density.shape[1] // 2]
    assert not has(middle, PURPLE)
    column = density[len(density) // 2]
    width = (~has(column, PURPLE)).sum() / len(column)
    assert 0.3 < width < 0.8


def test_bad_codes_are_refused(tmp_path):
    mean, path = np.zeros((4, 2)), tmp_path / "x.png"
    with pytest.raises(ValueError, match=r"mean must have shape \[n, 2\].*\(4, 3\)"):
        plot_aggregate_posterior(np.zeros((4, 3)), mean, mean, path)
    with pytest.raises(ValueError, match="one row per mean, 4, got 2"):
        plot_aggregate_posterior(mean, mean[:2], mean, path)
    with pytest.raises(ValueError, match=r"integers of shape \(4,\), got float64"):
        plot_aggregate_posterior(mean, mean, mean, path, classes=np.zeros(4))
    with pytest.raises(ValueError, match="0 or more, got -1"):
        plot_aggregate_posterior(
            mean, mean, mean, path, classes=np.array([0, 1, 2, -1])
        )
    with pytest.raises(ValueError, match="a name for the class 3, got 3 names"):
        plot_aggregate_posterior(
            mean, mean, mean, path, classes=np.arange(4), class_names=["a", "b", "c"]
        )
