"""Runs inside an image, from standard input: ``python - PACKAGE``; the last line is a report in JSON.

Imports each module of the service's package and of service_kit, and each compiled module that is installed:
a wheel that stripping or leaving out broke shows here and not in production.
"""

import importlib
import importlib.util
import json
import os
import pkgutil
import shutil
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

INSTALLERS = ("pip", "setuptools", "wheel", "ensurepip")
TOOLS = ("pip", "pip3", "gcc", "cc", "ld", "strip", "make", "uv")


def module_names(package: str) -> list[str]:
    """The package's modules, but for those that run something when they are imported."""
    found = importlib.import_module(package)
    modules = pkgutil.walk_packages(found.__path__, package + ".")
    return [package, *(one.name for one in modules if not one.name.endswith(".__main__"))]


def compiled_modules(folder: Path) -> list[str]:
    """The compiled modules below a folder, but for those of a package's own tests."""
    names = []
    for file in sorted(folder.rglob("*.so")):
        suffix = next((one for one in EXTENSION_SUFFIXES if file.name.endswith(one)), None)
        if suffix and "tests" not in file.parts:
            names.append(".".join(file.relative_to(folder).parts).removesuffix(suffix))
    return names


def import_all(names: list[str]) -> list[str]:
    """What cannot be imported, with the reason.

    Of service_kit not every service uses each module, nor has the libraries for it: one that it does use
    fails with the service's own module.
    """
    faults = []
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if not name.startswith("service_kit.") or missing == "service_kit":
                faults.append(f"{name} cannot be imported: {error}")
        except BaseException as error:  # noqa: B036  # an extension module may even end the process
            faults.append(f"{name} cannot be imported: {type(error).__name__}: {error}")
    return faults


def leftovers() -> list[str]:
    found = [name for name in INSTALLERS if importlib.util.find_spec(name)]
    found += [path for tool in TOOLS if (path := shutil.which(tool))]
    return [f"{name} is still in it" for name in found]


def main() -> None:
    faults = leftovers()
    own = [name for package in (sys.argv[1], "service_kit") for name in module_names(package)]
    compiled = compiled_modules(Path(sysconfig.get_path("purelib")))
    faults += import_all(own + compiled)
    if os.getuid() == 0:
        faults.append("it runs as root")
    print(json.dumps({"imported": len(own) + len(compiled), "faults": faults}))


if __name__ == "__main__":
    main()
