"""Files that commands read, damaged at random where they say something: `python -m benchmarks.fuzz KIND`.

Each case has to be read, or refused by one line; anything else is named and kept in `--out`. Cases are read in a
process that is started again when one ends or stalls it; commands read `keras` and `symbol` in separate processes, too.
`python -m benchmarks.fuzz.guided KIND FOLDER` is guided by coverage, with Atheris.
"""
