"""Weights that ship with the package; `manifest.json` says what each file is and where it comes from."""
