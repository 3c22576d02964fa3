"""Zstandard, which Python has from 3.14 on and a package brings before."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

_WINDOW: Final = 27
"""The logarithm of the bytes that a decompressor may take for itself."""


def decompressor() -> Any:
    """One for one frame.  Raises `ImportError` where neither is there."""
    zstd = import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW})
