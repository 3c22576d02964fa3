"""What pyproject.toml cannot say: a C extension that may be missing, against the stable ABI where Python has one."""

import sysconfig
import tempfile

from setuptools import Extension, setup

STABLE_ABI = not sysconfig.get_config_var("Py_GIL_DISABLED")
STEPS = Extension("davy.host._steps", ["src/davy/host/native/steps.c"], py_limited_api=True, optional=True)

WHEEL = {"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE_ABI else {}

# Built in a folder of its own: what lies in build/ from an earlier version would be installed, too.
with tempfile.TemporaryDirectory(prefix="davy-build-") as folder:
    setup(ext_modules=[STEPS] if STABLE_ABI else [], options=WHEEL | {"build": {"build_base": folder}})
