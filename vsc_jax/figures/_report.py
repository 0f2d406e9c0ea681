"""One HTML file with the scores, the figures and the settings of a run."""

import base64
import contextlib
import html
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vsc_jax._files import whole_file
from vsc_jax.figures._drawing import valid
from vsc_jax.figures._make_figures import Figures

# Parts of the results that have a place of their own.
_NO_SCORES = ("run", "skipped", "failed", "notes")

_MEANINGS = {
    "num_test_images": "test images scored",
    "loss": "training loss on test images, nats per image (smaller is better)",
    "loss_terms": "what training logs, at its own draws: see the note above",
    "num_votes": "votes that built the classifier of that score",
    "num_eval_votes": "votes that the score is of",
    "num_images": "images, of both splits, that the scores below are of",
    "num_loss_images": "test images in that loss (whole batches)",
    "squared_error": "sum over pixels of (input - reconstruction)^2, per image",
    "elbo": "evidence lower bound, nats per image (larger is better)",
    "kl": "KL(q(z|x) || p(z)), nats per image",
    "reconstruction": "-E[log p(x|z)], nats per image (smaller is better)",
    "num_iwae_images": "test images of the importance-weighted bound",
    "active_latents": "latents whose mean KL is above 0.01 nats, far less than a bar "
    "of the KL figure shows",
    "main_latents": "the fewest latents with 95 % of the KL (our own count)",
    "sparsity.expected_support": "mean number of non-zero latents per image",
    "sparsity.always_on": "latents whose mean P(not zero) is above 0.5",
    "sparsity.conditional": "latents whose mean P(not zero) is in 0.05 to 0.95",
    "sparsity.jaccard_diversity": "0: all images use the same latents; 1: disjoint",
    "sparsity.hoyer": "Hoyer sparsity of the codes, 0 dense to 1 one-hot",
    "sparsity.effective_number": "KL of the gates / log(1 / prior P(not zero))",
    "probe.accuracy": "linear classifier on the codes, fraction of test images right",
    "probe.majority_accuracy": "same for always the most frequent class",
    "probe.num_labels": "labelled images the classifier saw",
    "class_leak.num_shared_latents": "latents that all classes share",
    "class_leak.logistic_regression": "label from these, by a linear classifier",
    "class_leak.nearest_neighbours": "the same, by the 5 nearest training codes",
    "class_kl.num_detected": "latents of one class with 0.1 nats or more in its images",
    "class_kl.mean_own_kl": "KL of the block of the image's own class, nats",
    "class_kl.mean_off_kl": "mean KL of the block of another class, nats",
    "sample_agreement.agreement_stddev_1": "samples that a separate classifier gives "
    "the class asked for",
    "sample_agreement.agreement_stddev_1_4": "the same, 1.4 times as far from 0",
    "sample_agreement.classifier_accuracy": "that classifier on real test images",
    "class_mmd.shared.mmd": "squared MMD of q(z) to the prior, shared latents",
    "class_mmd.shared.mean_class_mmd": "the same of one class, mean over classes",
    "class_mmd.shared_and_own.mmd": "the same of all latents that the decoder sees",
    "class_mmd.shared_and_own.mean_class_mmd": "that of one class, mean over classes",
    "objects.num_objects": "mean number of objects found in an image",
    "objects.count_accuracy": "images in which the right number is found",
    "objects.box_iou": "overlap of found and true boxes, 0 to 1 (larger is better)",
    "objects.missed_objects": "objects that no found box overlaps",
    "objects.extra_objects": "found boxes that overlap no object",
    "objects.mask_ari": "adjusted Rand index of pixels of objects, 0 chance, 1 perfect",
    "objects.num_images_of_several": "images with two objects or more: it is of these",
    "objects.mask_ari_with_single": "the same with images of one object, often 0 or 1",
    "objects.centres_on_objects": "middles of found boxes that lie on an object",
    "objects.num_found": "found boxes in all",
    "objects.kl_on_objects": "peaks of the map of KL that lie on an object",
    "objects.kl_by_chance": "the same of cells at random",
    "objects.num_cells": "these peaks, one for each object of an image",
    "factor_vae_score": "FactorVAE score, 0 to 1 (larger is better)",
    "factor_vae_score_locatello": "the same by the protocol of Locatello et al.",
    "train_accuracy": "of that score, on the votes it was made from",
    "unsupervised_accuracy": "categories matched one-to-one to classes, share right",
    "majority": "each category stands for its most frequent class, share right",
    "chance": "the same for a model that knows nothing",
    "aggregate_posterior.num_images": "test images whose codes are the mixture q(z)",
    "aggregate_posterior.overlap": "entropy of q(z|x), nats (larger: more overlap)",
    "aggregate_posterior.mutual_information": "I(x; z) of those images, nats",
    "aggregate_posterior.mutual_information_bound": "log of their number: never above",
    "aggregate_posterior.kl": "KL(q(z|x) || p(z)) of those images, nats per image",
    "aggregate_posterior.marginal_kl": "KL(q(z) || p(z)): that minus I(x; z), nats",
    "aggregate_posterior.num_draws": "draws of q(z) compared with draws of the prior",
    "aggregate_posterior.mmd": "squared MMD between them, unbiased",
    "aggregate_posterior.mmd_per_dimension": "the same, summed over latents",
    "aggregate_posterior.sliced_wasserstein": "squared sliced 2-Wasserstein distance",
}

# A score of evaluation -> the same of training.
_PAIRS = {"elbo": "elbo", "kl": "kl", "reconstruction": "log_likelihood"}
_TWICE = (
    "{} are estimates of the same, reconstruction with the other sign. loss and "
    "loss_terms are what training minimises and logs, on whole batches of test images, "
    "with one draw for each and relaxed draws where the model trains with such; only "
    "loss has the weights of training. The others are of exact draws, on all test "
    "images that are scored: compare models by these."
)

# The first that fits.
_MEANINGS_BY_SUFFIX = {
    "factor_vae_score_standard_error": "standard error over votes of the value above",
    "_standard_error": "standard error over images of the value above",
    "_of_prior": "the value above between draws of the prior: its noise",
}

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;
color:#1a1a1a;background:#fff}
h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.3rem .5rem;border-bottom:1px solid #ccc;
vertical-align:top;overflow-wrap:anywhere}
td:first-child{min-width:8rem}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
figure{margin:1.5rem 0}img{max-width:100%;height:auto}
figcaption{font-size:.85rem;color:#444}
pre{overflow-x:auto;background:#f4f4f4;padding:.8rem;font-size:.8rem}
"""


def write_report(
    run_dir: str | Path,
    results: Mapping[str, Any],
    figures: Figures | Sequence[str | Path] = (),
) -> Path:
    """Writes `report.html` into a run folder: one file that needs nothing else.

    Figures are part of the file; it opens without a network and on a phone. Lists
    (values per latent) are left to `results.json` and the figures.

    Args:
      run_dir: folder of the run; its `config.json`, if there, is shown.
      results: of `evaluate`, or any nested dict of numbers and strings; what is
        under `run` (steps, time, versions) gets a table of its own, what is under
        `skipped`, `failed` and `notes` (name -> why) a list.
      figures: of `make_figures`, or PNG or GIF files in the order in which they are
        shown.

    Returns:
      The path of the report.

    Raises:
      FileNotFoundError: if a figure is missing.
      ValueError: if a figure is neither PNG nor GIF.
    """
    run_dir = Path(run_dir)
    name = html.escape(run_dir.resolve().name)
    scores = {key: value for key, value in results.items() if key not in _NO_SCORES}
    skipped = dict(results.get("skipped") or {})
    failed = dict(results.get("failed") or {})
    paths: Sequence[str | Path]
    if isinstance(figures, Figures):
        paths = figures.paths
        skipped |= {f"{name} (figure)": why for name, why in figures.skipped.items()}
        failed |= {f"{name} (figure)": why for name, why in figures.failed.items()}
    else:
        paths = figures
    pictures = "\n".join(_figure(Path(path)) for path in paths)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{name}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{name}</h1>",
        f"<h2>Scores</h2>{_note(scores)}{_table(scores)}",
        _reasons("To be read with care", results.get("notes") or {}),
        _reasons("Failed, with the error", failed),
        _reasons("Left out, with the reason", skipped),
        f"<h2>Figures</h2>{pictures}" if pictures else "",
        f"<h2>Run</h2>{_table(results['run'])}" if "run" in results else "",
        _config(run_dir / "config.json"),
        "</body></html>",
    ]
    path = run_dir / "report.html"
    text = valid("\n".join(part for part in parts if part) + "\n")
    with whole_file(path) as temporary:
        temporary.write_text(text, "utf-8")
    return path


def _note(scores: Mapping[str, Any]) -> str:
    """Why one thing has two numbers, where it has."""
    pairs = [
        f"{name} and loss_terms.{term}"
        for name, term in _PAIRS.items()
        if name in scores and term in (scores.get("loss_terms") or {})
    ]
    if not pairs:
        return ""
    return f"<p>{html.escape(_TWICE.format(', '.join(pairs)))}</p>"


def _reasons(heading: str, entries: Mapping[str, Any]) -> str:
    """A list with one entry per reason, for one reason is often that of several."""
    names: dict[str, list[str]] = {}
    for name, reason in entries.items():
        names.setdefault(str(reason), []).append(name)
    lines = "".join(
        f"<li>{html.escape(', '.join(several))}: {html.escape(reason)}</li>"
        for reason, several in names.items()
    )
    return f"<p>{heading}:</p><ul>{lines}</ul>" if lines else ""


def _table(results: Mapping[str, Any]) -> str:
    rows = [(key, value, _meaning(key)) for key, value in _flatten(results)]
    explained = any(meaning for *_, meaning in rows)
    head = "<th>name</th><th>value</th>" + "<th>meaning</th>" * explained
    lines = [f"<table><tr>{head}</tr>"]
    for key, value, meaning in rows:
        number = ' class="number"' * isinstance(value, int | float)
        cells = f"<td>{html.escape(key)}</td><td{number}>{html.escape(_format(value))}"
        if explained:
            cells += f"</td><td>{html.escape(meaning)}"
        lines.append(f"<tr>{cells}</td></tr>")
    return "\n".join([*lines, "</table>"])


def _flatten(results: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in results.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        elif not isinstance(value, list | tuple):
            yield prefix + key, value


def _format(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if not math.isfinite(value) or float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.1f}"


def _meaning(key: str) -> str:
    for suffix, meaning in _MEANINGS_BY_SUFFIX.items():
        if key.endswith(suffix):
            return meaning
    if key.startswith("iwae_") and key.removeprefix("iwae_").isdigit():
        draws = key.removeprefix("iwae_")
        return f"importance-weighted bound with {draws} draws, nats per image"
    if key.startswith("kl_terms."):
        return "part of kl, nats per image"
    if key.startswith("loss_terms."):
        return _MEANINGS["loss_terms"]
    if key.startswith(("disentanglement.", "best_of_run.")):
        key = key.rpartition(".")[2]
    return _MEANINGS.get(key, "")


def _figure(path: Path) -> str:
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "gif"):
        raise ValueError(f"figures must be .png or .gif files, got {path}.")
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    caption = html.escape(path.stem.replace("_", " "))
    return (
        f'<figure><img alt="{caption}" src="data:image/{kind};base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _config(path: Path) -> str:
    if not path.exists():
        return ""
    text = path.read_text("utf-8")
    with contextlib.suppress(ValueError):  # what is no JSON is shown as it is
        text = json.dumps(json.loads(text), indent=2)
    return (
        f"<details><summary>Settings</summary><pre>{html.escape(text)}</pre></details>"
    )
