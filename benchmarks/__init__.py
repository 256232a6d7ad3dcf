"""What meshlib costs and saves, measured beside its alternatives: `make bench`, explained in `docs/benchmarks.md`.

`cases/` holds what is measured, `contenders/` who is compared, `servers/` the far side. A case runs in a process of its
own (`child.py`) and hands back samples; `figures.py` turns them into medians of ratios, `goals.py` holds those against
what the project set itself, `report.py` and `chart.py` write them down.
"""
