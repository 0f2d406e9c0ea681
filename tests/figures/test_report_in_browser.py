"""The report when it is used: sliders, switches, charts, a phone, the dark."""

import json
import shutil
from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np
import pytest
from browser import Browser
from linear_model import MixedLinearModel, make_dataset
from PIL import Image

from vsc_jax.evaluation import Context
from vsc_jax.figures import write_report, write_sweep_page
from vsc_jax.figures._explorer import EXPLORER
from vsc_jax.figures._figure import FigureData

pytestmark = pytest.mark.slow
PHONE = 390


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    model, dataset = MixedLinearModel(), make_dataset()
    size = int(np.prod(model.image_shape))
    columns = np.random.default_rng(0).normal(size=(size, model.code_dim))
    params = {
        "decoder": np.linalg.qr(columns)[0].astype(np.float32),
        "bias": np.full(size, 0.5, np.float32),
    }
    data = FigureData(
        Context(model, params, dataset), dataset.test_indices, folder / "figures"
    )
    lines = [
        {"step": step, "loss": 100.0 - step, "kl": 0.1 * step} for step in (10, 20, 30)
    ]
    lines[-1]["test_loss"] = 75.0
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))
    scores = {
        "elbo": -100.0,
        "a_name_that_is_far_too_long_for_one_line_of_a_phone." * 3: 1.0,
        "disentanglement": {
            "factor_vae_score": {"cascade": {"factor_vae_score": 0.9, "chance": 0.2}}
        },
    }
    return write_report(folder, scores, EXPLORER.draw(data))


@pytest.fixture(params=["light", "dark"])
def browser(request, tmp_path):
    browser = Browser(tmp_path / "profile", scheme=request.param)
    yield browser
    browser.close()


def same(picture, other):
    return picture.tobytes() == other.tobytes()


def test_latents_and_categories_are_moved(browser, report):
    browser.open(report)
    before = browser.picture("#screen")
    sliders = "#sliders input"
    start = browser.run(f"document.querySelector('{sliders}').value")
    browser.run(f"document.querySelector('{sliders}').focus()")
    browser.press("Home")
    low = browser.picture("#screen")
    assert not same(before, low)
    browser.press("ArrowRight")
    assert browser.run(f"document.querySelector('{sliders}').value") == "1"
    # Another slider: the first one goes back to where it began.
    browser.run(f"document.querySelectorAll('{sliders}')[1].focus()")
    browser.press("End")
    second = browser.picture("#screen")
    assert not same(second, before)
    assert browser.run(f"document.querySelector('{sliders}').value") == start
    # Another category, and the latent stays where it is.
    browser.run("document.querySelector('.variable input:checked').focus()")
    browser.press("ArrowRight")
    assert not same(browser.picture("#screen"), second)
    moved = browser.run(f"document.querySelectorAll('{sliders}')[1].value")
    assert moved == browser.run(f"document.querySelectorAll('{sliders}')[1].max")
    browser.run("document.getElementById('reset').click()")
    assert same(browser.picture("#screen"), before)
    # Another image.
    browser.run("document.querySelectorAll('#switches input')[1].click()")
    assert not same(browser.picture("#screen"), before)
    assert not browser.errors


def test_values_are_read_off_a_chart(browser, report):
    browser.open(report)
    text = browser.run("document.querySelector('.key').innerText")
    assert "training 70" in text
    assert "test 75" in text
    browser.run("document.querySelector('.chart input').focus()")
    browser.press("Home")
    text = browser.run("document.querySelector('.key').innerText")
    assert "step 10" in text
    assert "training 90" in text
    assert "test \N{EN DASH}" in text
    assert not browser.errors


def test_it_fits_a_phone(browser, report):
    browser.resize(PHONE, 800)
    browser.open(report)
    browser.run("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.run("document.documentElement.scrollWidth") <= PHONE
    # No column is squeezed.
    widths = browser.run(
        "[...document.querySelectorAll('td:first-child')].map(e => e.offsetWidth)"
    )
    assert min(widths) > PHONE / 3


def test_the_page_of_a_sweep_leads_to_its_runs(browser, report, tmp_path):
    rows = [{"seed": 0, "elbo": -1.0}, {"seed": 1, "elbo": -2.0}]
    for seed, shade in ((0, 50), (1, 200)):
        figures = tmp_path / f"seed={seed}" / "figures"
        figures.mkdir(parents=True)
        shutil.copy(report, figures.parent)
        for name, offset in (("traversals", 0), ("reconstructions", 40)):
            picture = np.full((40, 60), shade + offset, np.uint8)
            Image.fromarray(picture).save(figures / f"{name}.png")
    folders = ["seed=0", "seed=1"]
    page = write_sweep_page(tmp_path, ["seed"], rows, ["elbo"], folders)
    browser.resize(PHONE, 800)
    browser.open(page)
    assert browser.run("document.documentElement.scrollWidth") <= PHONE
    assert browser.run("document.querySelectorAll('circle').length") == 2
    before = browser.picture(".runs img")
    browser.run("document.getElementById('figure').focus()")
    browser.run("document.getElementById('figure').value = 'reconstructions'")
    browser.run("document.getElementById('figure').dispatchEvent(new Event('change'))")
    browser.wait("document.querySelector('.runs img').complete")
    assert not same(browser.picture(".runs img"), before)
    target = browser.run("document.querySelector('td a').href")
    browser.open(Path(unquote(urlparse(target).path)))
    assert browser.run("document.querySelectorAll('#sliders input').length") > 0
    assert not browser.errors


def test_the_dark_is_dark(browser, report):
    browser.open(report)
    ground = browser.picture("h1").getpixel((0, 0))
    scheme = browser.run("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (sum(ground) < 200) == scheme
