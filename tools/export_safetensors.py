"""`python tools/export_safetensors.py` does what `gluon-perceptual export-safetensors` does."""

from gluon_perceptual.commands.export_safetensors import export_safetensors

if __name__ == "__main__":
    export_safetensors()
