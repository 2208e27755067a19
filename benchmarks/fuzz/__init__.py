"""Files that commands read, damaged at random where they say something: `python -m benchmarks.fuzz KIND`.

Each case has to be read, or refused by one line; anything else is named and kept in `--out`. A case that ends the
process is there, too, as `current`.
"""
