import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from vsc_jax.evaluation import Context
from vsc_jax.figures import _explorer
from vsc_jax.figures._explorer import EXPLORER, explorer
from vsc_jax.figures._figure import FigureData
from vsc_jax.metrics import NotApplicable


@pytest.fixture
def data_of(dataset, params_of, tmp_path):
    def data_of(model, images=dataset, params=None):
        params = params_of(model) if params is None else params
        return FigureData(
            Context(model, params, images), images.test_indices, tmp_path / "figures"
        )

    return data_of


def pixels(uri):
    data = base64.b64decode(uri.partition(";base64,")[2])
    return np.asarray(Image.open(io.BytesIO(data)), np.float32) / 255


def test_frames_are_those_of_the_decoder(model, data_of):
    data = data_of(model)
    page = explorer(data)
    height, width, _ = model.image_shape
    assert (page["height"], page["width"]) == (height, width)
    assert len(page["images"]) == 4
    assert page["variables"] == []
    image = page["images"][0]
    (state,) = image["states"].values()
    sheet = pixels(state["sheet"])
    assert sheet.shape == (len(state["rows"]) * height, page["columns"] * width)
    for i, row in enumerate(state["rows"]):
        assert len(row["values"]) == page["columns"]
        assert row["values"] == sorted(row["values"])
        j = int(row["name"].removeprefix("z"))
        places = [0, row["start"], page["columns"] - 1]
        for column in places:
            code = data.base_code[0].copy()
            code[j] = row["values"][column]
            decoded = data.decode(code[None])[0, ..., 0]
            expected = np.clip(decoded / data.max_value, 0, 1)
            top, left = i * height, column * width
            found = sheet[top : top + height, left : left + width]
            np.testing.assert_allclose(found, expected, atol=0.03)
        own = row["values"][row["start"]]
        assert own == pytest.approx(data.base_code[0, j], abs=1e-3)


def test_a_latent_that_changes_nothing_has_no_slider(model, data_of, params_of):
    params = params_of(model)
    params["decoder"] = params["decoder"].copy()
    params["decoder"][:, 1] = 0.0
    data = data_of(model, params=params)
    for image in explorer(data)["images"]:
        (state,) = image["states"].values()
        assert "z1" not in [row["name"] for row in state["rows"]]
    params["decoder"][:] = 0.0
    with pytest.raises(NotApplicable, match="no latent of this model changes"):
        explorer(data_of(model, params=params))


def test_every_choice_of_categories_has_frames(mixed_model, data_of):
    page = explorer(data_of(mixed_model))
    sizes = mixed_model.category_sizes
    assert [len(v["options"]) for v in page["variables"]] == list(sizes)
    for image in page["images"]:
        assert len(image["states"]) == np.prod(sizes)
        assert ",".join(map(str, image["own"])) in image["states"]


def test_many_categories_differ_from_the_own_in_one(mixed_model, data_of, monkeypatch):
    monkeypatch.setattr(_explorer, "_MAX_STATES", 1)
    page = explorer(data_of(mixed_model))
    sizes = mixed_model.category_sizes
    for image in page["images"]:
        assert len(image["states"]) == 1 + sum(sizes) - len(sizes)


def test_it_is_as_small_as_it_must_be(mixed_model, data_of, monkeypatch):
    whole = explorer(data_of(mixed_model))
    monkeypatch.setattr(_explorer, "MAX_BYTES", len(json.dumps(whole)) // 2)
    small = explorer(data_of(mixed_model))
    assert len(small["images"]) < len(whole["images"])
    monkeypatch.setattr(_explorer, "MAX_BYTES", 100)
    with pytest.raises(NotApplicable, match="too large to be moved on a page"):
        explorer(data_of(mixed_model))


def test_it_is_a_figure(autoencoder, data_of):
    data = data_of(autoencoder)
    (path,) = EXPLORER.draw(data)
    assert json.loads(path.read_text())["images"] == explorer(data)["images"]
