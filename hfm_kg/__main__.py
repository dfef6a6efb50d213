"""``python -m hfm_kg``: the command line."""

from hfm_kg.cli import main

main(prog_name="hfm-kg")
