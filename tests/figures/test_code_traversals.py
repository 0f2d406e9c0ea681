"""Draws from the prior in which one code goes from end to end."""

import dataclasses

import numpy as np
from linear_model import LinearModel


@dataclasses.dataclass(frozen=True)
class NoisyModel(LinearModel):
    """The last of its four latents is noise."""

    noise_dim: int = 1

    @property
    def latent_range(self):
        return -2.0, 1.0


def test_each_code_takes_its_values_and_the_rest_stays(dataset, draw, calls, params_of):
    figures = draw(NoisyModel(), dataset)
    assert not figures.failed
    (frames, path), kwargs = next(
        call
        for call in calls["plot_category_samples"]
        if call[0][1].name == "code_traversals.png"
    )
    assert path in figures.paths
    assert kwargs["block_sizes"] == [10, 10, 10]
    assert kwargs["row_labels"][0] == "z0 = -2.00"
    assert kwargs["row_labels"][-1] == "z2 = +1.00"
    flat = np.asarray(frames).reshape(3, 10, 10, -1)
    codes = (flat - 0.5) @ params_of(NoisyModel())["decoder"]
    values = np.linspace(-2.0, 1.0, 10)
    for j, block in enumerate(codes):
        moved = np.broadcast_to(values[:, None], (10, 10))
        np.testing.assert_allclose(block[..., j], moved, atol=1e-4)
        for other in set(range(4)) - {j}:
            stays = np.broadcast_to(block[:1, :, other], (10, 10))
            np.testing.assert_allclose(block[..., other], stays, atol=1e-4)
            assert np.ptp(block[0, :, other]) > 0.1  # a draw for each column


def test_traversals_leave_the_noise_out(dataset, draw, calls):
    draw(NoisyModel(), dataset)
    labels = [
        label
        for (_, _, path), kwargs in calls["plot_traversals"]
        if path.name == "traversals.png"
        for label in kwargs["row_labels"]
    ]
    assert labels
    assert not any(label.startswith("z3") for label in labels)


def test_a_model_without_noise_has_none(model, dataset, draw):
    skipped = draw(model, dataset).skipped
    assert skipped["code_traversals"] == "the decoder of this model is given no noise"
