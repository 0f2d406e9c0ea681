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
