"""The command line: `python -m experiments.run --config=configs/vsc.py`."""
