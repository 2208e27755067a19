"""The model zoo's VGG16 and VGG19, from its cache or by one attempt to download them."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

from .._mxnet import mx
from .._mxnet.gluon import zoo_checksum
from ..errors import UserError


def vgg_from_zoo(network: str) -> Path:
    """Return the model zoo's file of "vgg16" or "vgg19", verified.

    It comes from the cache, or from MXNET_GLUON_REPO or the zoo's own address.

    Raises:
        UserError: It is not in the cache and cannot be downloaded.
    """
    store = mx.gluon.model_zoo.model_store
    checksum, name = zoo_checksum(network), f"{network}-{store.short_hash(network)}"
    folder = Path(mx.base.data_dir(), "models")
    path = folder / f"{name}.params"
    if path.exists() and mx.gluon.utils.check_sha1(str(path), checksum):
        return path
    repository = os.environ.get("MXNET_GLUON_REPO", store.apache_repo_url).rstrip("/")
    url = f"{repository}/gluon/models/{name}.zip"
    try:
        _download(url, path, checksum)
    except Exception as error:  # errors of requests, zipfile and the disk have no common class
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise UserError(
            f"{network.upper()} of the model zoo is not in {folder}, and {url} failed ({reason}): put the file "
            f"there, set MXNET_GLUON_REPO, or use the VGG16 that ships with this package (`vgg` shipped)"
        ) from error
    return path


def _download(url: str, path: Path, sha1: str) -> None:
    """Fetch the zip at `url` once and put the file that it holds at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as temporary:
        archive = mx.gluon.utils.download(url, str(Path(temporary, "vgg.zip")), retries=1)
        with zipfile.ZipFile(archive) as files:
            extracted = files.extract(path.name, temporary)
        if not mx.gluon.utils.check_sha1(extracted, sha1):
            raise UserError("the downloaded file's checksum is wrong")
        shutil.move(extracted, path)
