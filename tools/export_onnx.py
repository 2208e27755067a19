"""`python tools/export_onnx.py` does what `gluon-perceptual export-onnx` does."""

from gluon_perceptual.commands.export_onnx import export_onnx

if __name__ == "__main__":
    export_onnx()
