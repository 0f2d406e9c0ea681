"""What `--help` lists: flags, configs with their arguments, fields."""

import pytest

from experiments import evaluate, sweep
from experiments._config_files import config_names, flatten
from experiments._errors import UserError
from experiments._help import describe_configs, help_text, known_words
from experiments.configs import base


def test_a_command_with_a_config():
    text = help_text(sweep, ["sweep"])
    assert text.startswith(sweep.__doc__.strip())
    assert "  --sweep: " in text
    assert "  --workdir: " in text
    assert "  --coordinator" not in text  # of experiments.run alone
    for name in config_names():
        assert f"  configs/{name}.py  " in text
        assert f"      :{','.join(known_words(name))}\n" in text
    for name, value in flatten(base.get_config()).items():
        assert f"\n  {name} = {value!r}" in text


def test_the_fields_are_those_of_the_config_that_is_given():
    from experiments import _config_files

    path = _config_files.resolve_config_path("configs/vsc.py:quick")
    text = help_text(sweep, ["sweep", f"--config={path}"])
    assert "\n  model.gate = 'log_sigmoid'" in text
    assert "\n  train.num_steps = 6" in text
    with pytest.raises(UserError, match="'quik' is not an argument of this config"):
        help_text(sweep, ["sweep", f"--config={path[:-5]}quik"])


def test_a_command_without_a_config():
    text = help_text(evaluate, ["evaluate"])
    assert '  --step: "newest", "best", or a kept step. (default newest)' in text
    assert "configs/" not in text.replace(evaluate.__doc__, "")


def test_every_config_says_what_it_is_and_knows():
    rows = describe_configs().splitlines()[2:]
    assert len(rows) == len(config_names())
    for name, row in zip(config_names(), rows, strict=True):
        assert row.startswith(f"| `configs/{name}.py` | ")
        assert len(row) > 60
        assert known_words(name)[-1] == "quick"
