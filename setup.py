"""Packaging of gluon_perceptual; tool settings live in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "gluon_perceptual/__init__.py").read_text()).group(1)

# MXNet 1.9.1 was built for NumPy 1.x: 1.24 removed names that it uses, 2.0 its whole interface.
NUMPY = ['numpy>=1.19,<1.24; python_version<"3.12"', 'numpy>=1.26,<2; python_version>="3.12"']
TENSORBOARD = ["tensorboardX>=2.5"]
TORCH = ["torch>=2"]
SAFETENSORS = ["safetensors>=0.4"]
KERAS = ["h5py>=3"]
PERCEPTUAL = ["stlpips-pytorch>=0.0.2", *TORCH, "torchvision", "torchsummary", "ipython"]  # it imports all of them
ONNX = ["onnx>=1.14,<1.17", "onnxruntime>=1.14,<1.20"]  # later ones need NumPy 2
# What mxnet-cu112 loads but does not require (gluon_perceptual/cuda.py): the last of CUDA 11, which knows Ada, too.
CUDA = [
    "nvidia-cuda-runtime-cu11>=11.8,<12",
    "nvidia-cuda-nvrtc-cu11>=11.8,<12",
    "nvidia-cublas-cu11>=11.11,<12",
    "nvidia-cudnn-cu11>=8.9,<9",  # 9 has other libraries
    "nvidia-cufft-cu11>=10.9,<11",
    "nvidia-curand-cu11>=10.3,<11",
    "nvidia-cusolver-cu11>=11.4.1,<12",
    "nvidia-nccl-cu11>=2.21,<3",
    "nvidia-nvtx-cu11>=11.8,<12",
]
APP = ["starlette>=0.37", "uvicorn>=0.25"]
BROWSER = ["httpx>=0.24", "selenium>=4.11"]  # for tests of the page
RUFF = "ruff==0.17.6"
DOCS = [
    "mkdocs==1.6.1",
    "mkdocs-material==9.7.1",
    "mkdocstrings==1.0.8",
    "mkdocstrings-python==2.0.11",
    "griffelib==2.4.1",
    "nbconvert>=7",
    RUFF,  # for signatures of several lines
]
NOTEBOOKS = ["ipykernel>=6", "nbclient>=0.10"]
TEST = [
    "pytest>=7",
    "pytest-xdist",
    "hypothesis",
    *NOTEBOOKS,
    *TENSORBOARD,
    *SAFETENSORS,
    *KERAS,
    *ONNX,
    *APP,
    *BROWSER,
]

setup(
    name="gluon-perceptual",
    version=VERSION,
    description="Perceptual losses for real-time style transfer and super-resolution, in MXNet Gluon",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["gluon_perceptual", "gluon_perceptual.*"]),
    package_data={
        "gluon_perceptual.weights": ["*.params", "*.json"],
        "gluon_perceptual.app": ["static/*", "static/examples/*"],
        "gluon_perceptual": ["py.typed", "*.pyi"],
    },
    python_requires=">=3.8,<3.13",
    install_requires=[
        *NUMPY,
        "opencv-python>=4.5,<4.12",  # later ones need NumPy 2
        "Pillow>=9",
        "av>=12.3,<13",  # the last with wheels from Python 3.8 to 3.12
        "scipy>=1.7,<2",
        "scikit-image>=0.19,<0.25",  # later ones need NumPy 1.24
        "matplotlib>=3.5",
        "gluoncv>=0.10.5.post0",
        "setuptools<81",  # gluoncv imports pkg_resources, MXNet on Python 3.12 distutils
        "click>=8",
        "lazy_loader>=0.3",
        "tqdm>=4.60",
    ],
    extras_require={
        "cpu": ["mxnet==1.9.1"],
        "cu112": ["mxnet-cu112==1.9.1", *CUDA],
        "app": APP,
        "tensorboard": TENSORBOARD,
        "onnx": ONNX,
        "safetensors": SAFETENSORS,
        "keras": KERAS,
        "perceptual": PERCEPTUAL,
        "benchmarks": [*TORCH, *ONNX, "openvino>=2023.1"],  # the peers
        "notebooks": ["jupyterlab", *NOTEBOOKS],
        "docs": DOCS,
        "test": TEST,
        "dev": [*TEST, RUFF, "mypy==2.4.1"],
    },
    entry_points={"console_scripts": ["gluon-perceptual=gluon_perceptual.commands:main"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Image Processing",
    ],
)
