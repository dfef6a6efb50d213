"""Completion in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import SCRIPT

BASH = r"""
eval "$(hfm-kg completion bash)"
complete_words() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _hfm_kg_completion hfm-kg; printf '%s\n' "${COMPREPLY[@]}"
}
compopt() { printf 'compopt %s %s\n' "$@"; }
"""

# zsh completes at a prompt alone; these stand for the builtins of its editor, and print what they are given
ZSH = r"""
compdef() { : }
_describe() { local name=$3; print -rl -- ${(P)name} }
compadd() { local name=${@[-1]}; print -rl -- ${(P)name} }
_path_files() { print -r -- "files $*" }
source <(hfm-kg completion zsh)
"""

needs = {shell: pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed") for shell in
         ("bash", "zsh", "fish")}  # fmt: skip


def run(shell: list[str], folder: Path) -> str:
    path = os.pathsep.join([str(Path(SCRIPT).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    environment |= {"TERM": "dumb"}
    done = subprocess.run(
        shell, capture_output=True, text=True, env=environment, cwd=folder, check=True, stdin=subprocess.DEVNULL
    )
    return done.stdout


@needs["bash"]
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("hfm-kg comp", ["completion"]),
        ("hfm-kg query models-by-p", ["models-by-paradigm"]),
        ("hfm-kg query counts --format n", ["ntriples", "nquads"]),
        ("hfm-kg export file hfm-graph.n", ["hfm-graph.nq.gz"]),
        ("hfm-kg query my-que", ["compopt -o default"]),  # bash completes files itself
        ("hfm-kg completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes(words: str, expected: list[str], tmp_path: Path) -> None:
    script = BASH + "complete_words " + " ".join(f"'{word}'" for word in words.split(" "))
    assert [line for line in run(["bash", "-c", script], tmp_path).splitlines() if line] == expected


@needs["zsh"]
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("hfm-kg query models-by-p", ["models-by-paradigm:Models by paradigm, sub-field and year"]),
        ("hfm-kg query counts --format n", ["ntriples", "nquads"]),
        ("hfm-kg query my-que", ["files -f"]),
        ("hfm-kg completion ''", ["bash", "zsh", "fish"]),
    ],
)
def test_zsh_completes(words: str, expected: list[str], tmp_path: Path) -> None:
    script = f"{ZSH}words=({words}); CURRENT=${{#words}}; _hfm_kg_completion"
    assert run(["zsh", "-f", "-c", script], tmp_path).splitlines() == expected


@needs["fish"]
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("hfm-kg query models-by-p", ["models-by-paradigm"]),
        ("hfm-kg export file hfm-graph.n", ["hfm-graph.nq.gz"]),
        ("hfm-kg query my-que", ["my-query.rq"]),
    ],
)
def test_fish_completes(words: str, expected: list[str], tmp_path: Path) -> None:
    (tmp_path / "my-query.rq").touch()
    script = f"hfm-kg completion fish | source; complete --do-complete '{words}'"
    lines = run(["fish", "--no-config", "-c", script], tmp_path).splitlines()
    assert [line.split("\t")[0] for line in lines] == expected
