"""The rows of published tables are runs, and their labels are those of the papers."""

import json

import pytest

from experiments._reproducible_tables import REPRODUCIBLE, Row
from experiments._reproduction import Planned, differences, plan, run_name, tasks_of
from experiments._reproduction_report import at_published_setting, report
from experiments.published import published_rows


@pytest.mark.parametrize("name", REPRODUCIBLE)
@pytest.mark.parametrize("budget", ["laptop", "full"])
def test_the_tables_are_runs(tmp_path, name, budget):
    table = REPRODUCIBLE[name]
    seeds = {row.label: [0, 1] for row in table.rows}
    planned = plan(table, budget, tmp_path, seeds, is_short=budget == "laptop")
    folders = [point.folder for one in planned for point in one.points]
    there = [row for row in table.rows if budget in row.budgets]
    assert len(there) >= len(table.rows) - 2
    assert [one.row for one in planned] == there
    assert len(set(folders)) == 2 * len(there)
    for one in planned:
        # Every row says what differs from the published one, or is at its setting.
        differs = differences(one)
        at_setting = budget == "full" or one.row.method == "pinwheel"
        assert bool(differs) != at_setting, (one.row.label, differs)
    # Methods are programs; rows that differ in shape are programs of their own.
    assert (
        len(tasks_of(planned)) == {"cascade": 9, "decomposition": 7, "study": 6}[name]
    )


def test_labels_are_those_of_published_rows():
    published = {row.name for row in published_rows("cascade")}
    labels = {row.published_name for row in REPRODUCIBLE["cascade"].rows}
    assert labels - published == {"AAE-S, m=6"}
    hoyer = {row.name for row in published_rows("decomposition")}
    assert hoyer < {row.published_name for row in REPRODUCIBLE["decomposition"].rows}
    study = {row.published_name for row in REPRODUCIBLE["study"].rows}
    assert {"VAE", "FactorVAE (10)", "FactorVAE (20)", "FactorVAE (40)"} < study


def test_what_is_tuned_stands_beside_the_published_capacities(tmp_path):
    rows = {row.label: row for row in REPRODUCIBLE["cascade"].rows}
    for m in (6, 4):
        row, tuned = rows[f"JointVAE, m={m}"], rows[f"JointVAE tuned, m={m}"]
        assert tuned.published_name == row.label
        assert "tuned, not published" in tuned.note
        table = REPRODUCIBLE["cascade"]._replace(rows=(row, tuned))
        seeds = {label.label: [0] for label in (row, tuned)}
        as_published, other = plan(table, "laptop", tmp_path, seeds)
        said = [text for text in differences(other) if "capacity" in text]
        assert any(text.endswith("capacity 20, not 40") for text in said)
        said = [text for text in differences(as_published) if "capacity" in text]
        assert all(text.endswith("on another schedule") for text in said)
        assert [one.row for one in plan(table, "full", tmp_path, seeds)] == [row]


def test_weights_of_the_laptop_budget_are_halved(tmp_path):
    row = next(r for r in REPRODUCIBLE["study"].rows if r.label == "FactorVAE (40)")
    table = REPRODUCIBLE["study"]._replace(rows=(row,))
    for budget, weight in (("laptop", 20.0), ("full", 40.0)):
        (one,) = plan(table, budget, tmp_path, {row.label: [0]})
        assert one.points[0].config.weights.tc_weight == weight
    assert "tc_weight 20, not 40" in differences(
        plan(table, "laptop", tmp_path, {row.label: [0]})[0]
    )


def test_little_time_scores_fewer_images(tmp_path):
    row = REPRODUCIBLE["cascade"].rows[0]
    table = REPRODUCIBLE["cascade"]._replace(rows=(row,))
    (one,) = plan(table, "full", tmp_path, {row.label: [0]}, is_short=True)
    assert isinstance(one, Planned)
    assert differences(one) == (
        "disentanglement_images 50,000, not 737,280",
        "score_images 10,000, not 737,280",
    )


def test_names_of_folders_are_safe():
    label = "spike/weight: 0.8 (a), b"
    assert run_name(Row("a", label, "", ""), 1) == "spike_weight_0.8_a_b,seed=1"


def test_a_row_is_at_the_published_setting_only_if_all_its_runs_are(tmp_path):
    row = REPRODUCIBLE["cascade"].rows[0]
    table = REPRODUCIBLE["cascade"]._replace(rows=(row,))
    seeds = {row.label: range(10)}
    (full,) = plan(table, "full", tmp_path, seeds)
    (short,) = plan(table, "full", tmp_path, seeds, is_short=True)
    num_steps = full.points[0].config.train.num_steps
    results = json.dumps({"scores": {"elbo": 1.0}, "run": {"num_steps": num_steps}})

    def write(point):
        point.folder.mkdir(exist_ok=True)
        (point.folder / "config.json").write_text(json.dumps(point.config.to_dict()))
        (point.folder / "results.json").write_text(results)
        (reported,) = report([full], {})
        return at_published_setting(table, [reported]), reported.differs

    for point in full.points:
        published, differs = write(point)
        assert not differs
    assert published == [row.label]
    published, differs = write(short.points[9])
    assert not published
    assert differs == (
        "disentanglement_images 50,000, not 737,280, in 1 of 10 seeds",
        "score_images 10,000, not 737,280, in 1 of 10 seeds",
    )
    for point in short.points[1:9]:
        published, differs = write(point)
    assert not published
    assert differs[1] == "score_images 10,000, not 737,280, in 9 of 10 seeds"
    (full.points[0].folder / "config.json").write_text("{")
    (reported,) = report([full], {})
    assert reported.differs[-1] == "config.json is not readable, in 1 of 10 seeds"
