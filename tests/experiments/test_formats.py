import re

from experiments import _formats


def test_markdown_blocks():
    block = _formats.Block("a | b", [["x|y", 1.0], ["z", None]], 0, frozenset([1]))
    assert _formats.markdown_blocks(["name", "n"], [block], 1) == (
        "### a \\| b\n\n| name | n |\n| --- | ---: |\n| x\\|y | **1** |\n| *z* | - |\n"
    )


def test_csv_has_all_digits_and_quotes():
    text = _formats.csv_text(["a", "b,c"], [[0.1 + 0.2, None], ['"x"', (1, 2)]])
    assert text == 'a,"b,c"\n0.30000000000000004,\n"""x""","(1, 2)"\n'


def test_latex_is_whole_and_says_what_was_written():
    """Compiled once by hand with these letters; here what a compiler would refuse."""
    nasty = "\\ ~^<>|\"&%$#_{}*[]--- `a` 'b' ,, ''"
    rows = [[nasty, 1e-05], ["*star", -0.5], ["[3pt] bracket", None], ["two\nlines", 3]]
    block = _formats.Block(nasty, rows, 1, frozenset([2]))
    text = _formats.latex_blocks(["name", "n_m"], [block], 1, [nasty])
    assert text.isascii()
    # Every brace that is a sign is escaped, so the others are balanced.
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert text.count("\\begin{") == text.count("\\end{")
    body = text.partition("\\midrule\n")[2].partition("\\bottomrule")[0].splitlines()
    assert len(body) == len(rows)
    for line in body:
        assert line.endswith(r" \\")
        assert len(re.findall(r"(?<!\\)&", line)) == 1
        # LaTeX takes these for an argument of the line before.
        assert not line.startswith(("*", "["))
    assert r"\textbackslash{} \textasciitilde{}\textasciicircum{}" in body[0]
    assert r"& 1$\,\cdot\,10^{-5}$ \\" in body[0]
    assert body[1] == r"{*}star & \textbf{$-$0.5} \\"
    assert body[2] == r"\textit{{[}3pt{]} bracket} & -- \\"
    assert body[3] == r"two lines & 3 \\"
    comments = [line for line in text.splitlines() if line.startswith("%")]
    without = re.sub(r"\\[%$#&_]", "", "\n".join(text.splitlines()[len(comments) :]))
    assert "%" not in without
    assert "#" not in without
    assert without.count("$") == 4


def test_names_are_as_short_as_they_can_be():
    fields = {"model.prior.name": "sparse", "data.name": "digits", "a.beta": 0.5}
    assert (
        _formats.setting_name(fields) == "prior.name=sparse, data.name=digits, beta=0.5"
    )
    assert _formats.short_names(["weights.beta", "schedules.beta", "beta"]) == {
        "weights.beta": "weights.beta",
        "schedules.beta": "schedules.beta",
        "beta": "beta",
    }
    assert _formats.setting_name({}) == ""
    exact = {"beta": 4.0000001, "gamma": 4.0000001}
    assert _formats.setting_name(exact, ["beta"]) == "beta=4.0000001, gamma=4"
