"""ModelCentrality of the runs of a folder: each encodes what the others generate."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import _workdir
from experiments._errors import UserError, one_line
from experiments._job import OWN_IMAGES
from experiments._udr import progress_bar, runs_below
from vsc_jax import Run, load_run, metrics
from vsc_jax.evaluation import has, inferred_latents
from vsc_jax.models import DecodesCodes, EncodesImages, SamplesPrior
from vsc_jax.training import CheckpointError

FILE = "centrality.json"
# Of the authors' code (https://github.com/fjxmlzn/InfoGAN-CR): images in a vote. Images
# without a fixed latent are 73,728 there, a tenth of dSprites.
VOTE_SIZE = 100
NUM_IMAGES = 10_000
_CHUNK = 10  # votes generated at a time


def compare_runs(workdir: Path, num_votes: int, seed: int) -> dict[str, Any]:
    """ModelCentrality of the runs in the folders below, whatever differs in them.

    Lin et al., see `vsc_jax.metrics.model_centrality`. Runs on images of different
    data are not compared. Of each run all inferred latents are fixed in turn; the noise
    and the categories of a generator are drawn. A run takes part if it encodes images,
    decodes codes, has a prior and two latents or more.

    Args:
      workdir: the folder of a sweep.
      num_votes: for each latent of a run; 100 in the authors' code.
      seed: of all draws.

    Returns:
      What `centrality.json` holds: `groups`, each with `fields` (what tells it from the
      others), `model_centrality`, `runs` (name -> its centrality) and `detail`;
      `left_out`, name of a run -> why; `num_votes` and `seed`.

    Raises:
      UserError: if no two runs can be compared.
    """
    loaded: dict[str, Run] = {}
    left_out: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    for folder in runs_below(workdir):
        try:
            run = load_run(folder)
        except (FileNotFoundError, CheckpointError) as error:
            left_out[folder.name] = one_line(error)
            continue
        if reason := _unfit(run):
            left_out[folder.name] = reason
            continue
        loaded[folder.name] = run
        groups.setdefault(_data_of(run), []).append(folder.name)
    for data, names in list(groups.items()):
        if len(names) == 1:
            left_out[names[0]] = "no other run is on its data"
            del groups[data]
    if not groups:
        raise UserError(
            "--model_centrality needs a folder with two runs or more on the same data "
            "in it, such as of --sweep=seed=0,1,2, whose models encode, decode and "
            f"have a prior; number of runs in {workdir}: "
            f"{len({*loaded, *left_out})}, and no such two."
        )
    result = {
        "groups": [
            {
                "fields": json.loads(data) if len(groups) > 1 else {},
                **_compare({name: loaded[name] for name in names}, num_votes, seed),
            }
            for data, names in groups.items()
        ],
        "left_out": left_out,
        "num_votes": num_votes,
        "seed": seed,
    }
    _workdir.write_json(workdir / FILE, result)
    return result


def _unfit(run: Run) -> str:
    """Why a run cannot take part; "" if it can."""
    for capability, reason in (
        (EncodesImages, "it does not encode images"),
        (DecodesCodes, "it has no decoder"),
        (SamplesPrior, "it has no prior"),
    ):
        if not has(run.model, capability):
            return reason
    return "it has one latent" if len(inferred_latents(run.model)) < 2 else ""


def _data_of(run: Run) -> str:
    """What the images of a run are, as text."""
    data = run.meta.get("config", {}).get("data", {})
    kept = ("name", "image_size", "channels", "normalization")
    if data.get("name") in OWN_IMAGES:
        kept += ("path",)
    return json.dumps(
        {name: data.get(name) for name in kept}
        | {"image_shape": list(run.model.image_shape)},
        sort_keys=True,
    )


def _compare(runs: dict[str, Run], num_votes: int, seed: int) -> dict[str, Any]:
    """Centrality of runs on the same data."""
    names = list(runs)
    cross = np.zeros((len(names), len(names)))
    for i in progress_bar(names):
        row = names.index(i)
        others = [name for name in names if name != i]
        scores = _cross_scores(
            runs[i], [runs[name] for name in others], num_votes, [seed, row]
        )
        for name, score in zip(others, scores, strict=True):
            cross[row, names.index(name)] = score
    detail = metrics.model_centrality(cross)
    return {
        "model_centrality": detail["model_centrality"],
        "runs": dict(zip(names, detail["model_centrality_per_model"], strict=True)),
        "detail": {**detail, "cross_scores": cross.tolist()},
    }


def _cross_scores(
    generator: Run, encoders: Sequence[Run], num_votes: int, seed: Sequence[int]
) -> list[float]:
    """The score of each encoder on images that the generator makes."""
    latents = inferred_latents(generator.model)
    fixed = np.tile(np.arange(len(latents)), num_votes)
    draw = _drawer(generator, seed)
    images = [_encode_all(encoders, generator.decode(draw(NUM_IMAGES)))]
    votes = []
    for start in range(0, len(fixed), _CHUNK):
        part = latents[fixed[start : start + _CHUNK]]
        codes = draw(len(part) * VOTE_SIZE).reshape(len(part), VOTE_SIZE, -1)
        for vote, latent in zip(codes, part, strict=True):
            vote[:, latent] = vote[0, latent]
        x = generator.decode(codes.reshape(-1, codes.shape[-1]))
        found = _encode_all(encoders, x)
        votes.append([z.reshape(len(part), VOTE_SIZE, -1) for z in found])
    return [
        metrics.generated_factor_score(
            np.concatenate([parts[k] for parts in votes]), fixed, images[0][k]
        )["generated_factor_score"]
        for k in range(len(encoders))
    ]


def _drawer(run: Run, seed: Sequence[int]) -> Callable[[int], np.ndarray]:
    """Draws from the prior, other ones at each call."""
    import jax

    rng = np.random.default_rng(seed)

    def draw(num: int) -> np.ndarray:
        key = jax.random.key(rng.integers(2**31))
        z = run.model.sample_prior(run.params, key, num, run.weights)
        return np.array(z)

    return draw


def _encode_all(encoders: Sequence[Run], x: np.ndarray) -> list[np.ndarray]:
    return [run.encode(x)[:, inferred_latents(run.model)] for run in encoders]


def print_centrality(result: dict[str, Any]) -> None:
    """For each group a line per run, the best first, and the mean."""
    for group in result["groups"]:
        if group["fields"]:
            print(", ".join(f"{k}={v}" for k, v in group["fields"].items()))
        for name, score in sorted(group["runs"].items(), key=lambda item: -item[1]):
            print(f"  {name:40s} {score:8.4f}")
        print(f"  {'mean':40s} {group['model_centrality']:8.4f}")
    for name, reason in result["left_out"].items():
        print(f"  left out {name}: {reason}")
