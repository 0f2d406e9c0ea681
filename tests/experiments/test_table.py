import csv
import json

from experiments import _table


def test_names_of_folders():
    assert _table.folder_name({"a.b": 8, "c": 0.5}) == "b=8,c=0.5"
    names = [{"a": "x/y"}, {"a": "x_y"}, {"a": "../x"}, {"a": "x" * 300}]
    names += [{"a": "x" * 301}, {"a": (1, 2)}, {"a": (1, 2.0)}]
    folders = [_table.folder_name(point) for point in names]
    assert len(set(folders)) == len(folders)
    for folder in folders:
        assert "/" not in folder
        assert len(folder) < 255


def test_markdown_table():
    rows = [{"a": 1, "b": 0.25}, {"a": 2, "c": "x"}]
    assert _table.markdown_table(rows) == (
        "| a | b | c |\n| --- | --- | --- |\n| 1 | 0.25 |  |\n| 2 |  | x |\n"
    )


def test_a_row_has_every_number_that_is_a_score():
    results = {
        "config": "x",
        "scores": {"loss": 1.5, "kl_terms": {"kl": 2.0}, "failed": {"elbo": "why"}},
        "metrics": {
            "mig": {"value": 0.25, "headline": "mig", "seconds": 3.0},
            "dci": {"value": 0.5, "headline": "disentanglement"},
            "sap": {"skipped": "why"},
        },
        "best_of_run": {"step": 3, "factor_vae_score": 0.5},
        "run": {"num_steps": 4},
    }
    assert _table.row_of({"seed": 1}, results) == {
        "seed": 1,
        "loss": 1.5,
        "kl_terms.kl": 2.0,
        "metrics.mig": 0.25,
        "metrics.dci.disentanglement": 0.5,
        "best_of_run.step": 3,
        "best_of_run.factor_vae_score": 0.5,
    }


def test_rows_follow_the_results_of_their_runs(tmp_path):
    assert not _table.update_table(tmp_path)
    points = [{"a": (1, 2)}, {"a": (3, (4,))}, {"a": ()}]
    _table.write_table(tmp_path, ["a"], [{**point, "loss": 1.0} for point in points])
    contents = ({"scores": {"loss": 2.0}}, None, "damaged")
    for point, content in zip(points, contents, strict=True):
        folder = tmp_path / _table.folder_name(point)
        folder.mkdir()
        if content is not None:
            (folder / "results.json").write_text(json.dumps(content))
    assert _table.update_table(tmp_path)
    rows = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert [row["loss"] for row in rows] == [2.0, 1.0, 1.0]
    for text in ("{", "[]", '{"rows": []}', '{"fields": ["b"], "rows": [{"a": 1}]}'):
        (tmp_path / "table.json").write_text(text)
        assert not _table.update_table(tmp_path)
        assert (tmp_path / "table.json").read_text() == text


def test_statistics_over_seeds_stand_beside_the_rows(tmp_path):
    rows = [
        {"seed": seed, "weights.beta": beta, "loss": loss, "num_test": 9, "elbo": -loss}
        for beta, losses in ((1.0, (1.0, 3.0)), (4.0, (5.0, 9.0)))
        for seed, loss in enumerate(losses)
    ]
    rows.append({"seed": 2, "weights.beta": 4.0, "failed": "NonFiniteLossError: 3"})
    _table.write_table(tmp_path, ["seed", "weights.beta"], rows)
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["rows"] == rows
    assert table["fields"] == ["seed", "weights.beta"]
    first, second = table["summary"]
    assert (first["weights.beta"], first["n"], first["failed"]) == (1.0, 2, 0)
    assert (second["weights.beta"], second["n"], second["failed"]) == (4.0, 2, 1)
    assert "seed" not in first
    assert list(first["scores"]) == ["loss", "elbo"]
    loss = second["scores"]["loss"]
    assert (loss["n"], loss["mean"], loss["best"]) == (2, 7.0, 5.0)
    assert loss["standard_error"] == 2.0
    text = (tmp_path / "table.md").read_text()
    assert "| 2 | 4 |  |  |  | NonFiniteLossError: 3 |" in text
    assert "| weights.beta | n | failed | loss | elbo |" in text
    assert "| 4 | 2 | 1 | 7 +- 2 | -7 +- 2 |" in text
    with (tmp_path / "table.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["loss"] for line in lines] == ["1.0", "3.0", "5.0", "9.0", ""]
    assert lines[4]["failed"] == "NonFiniteLossError: 3"
    tex = (tmp_path / "table.tex").read_text()
    assert r"\caption{loss (lower is better)}" in tex
    assert r"beta=4 & 2 & 7 & 2.8284 & 2 & 5 \\" in tex
    assert r"beta=1 & 2 & \textbf{2} & 1.4142 & 1 & 1 \\" in tex


def test_a_sweep_without_seeds_or_scores_has_its_table(tmp_path):
    rows = [
        {"model.hidden": (8, 4), "loss": 1.0},
        {"model.hidden": (8,), "failed": "x"},
    ]
    _table.write_table(tmp_path, ["model.hidden"], rows)
    summary = json.loads((tmp_path / "table.json").read_text())["summary"]
    assert [entry["n"] for entry in summary] == [1, 0]
    # One run each: the rows say it all.
    assert "Mean" not in (tmp_path / "table.md").read_text()
    _table.write_table(tmp_path, ["seed"], [{"seed": 0, "loss": 1.0}])
    assert "all runs & 1 & 1 & -- & -- & 1" in (tmp_path / "table.tex").read_text()
    _table.write_table(tmp_path, ["seed"], [])
    assert json.loads((tmp_path / "table.json").read_text())["summary"] == []
