"""``./scripts/k8s-check``: the manifests of ``deploy/k8s``, as kubectl puts them together.

kubernetes-validate knows the kinds that Kubernetes has. Those of operators are named here, one by
one: any other is an error. checkov's exceptions stand with their reasons in deploy/k8s/checkov.yaml.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deployment.errors import CommandFailed, run_command
from deployment.locked_environment import make_environment

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "k8s"
LOCK = ROOT / "scripts" / "k8s-check-requirements.lock"
ENVIRONMENT = ROOT / "var" / "k8s-check"
OVERLAYS = ("development", "small", "production")
# The oldest version of Kubernetes that the manifests are for, and the newest that the validator knows.
VERSIONS = ("1.32", "1.37")
OF_OPERATORS = {("postgresql.cnpg.io/v1", "Cluster")}
INSTALL_SECONDS, CHECK_SECONDS = 400, 300


def render(overlay: str) -> str:
    """The manifests of an overlay as one stream of YAML documents; raises CommandFailed."""
    done = subprocess.run(
        ["kubectl", "kustomize", str(FOLDER / "overlays" / overlay)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if done.returncode:
        raise CommandFailed(f"{overlay} cannot be put together: {done.stderr.strip()}")
    return done.stdout


def without_kinds_of_operators(manifests: str) -> str:
    """What the validator can know. kubectl writes apiVersion and kind at the beginning of lines."""
    return "---\n".join(part for part in documents(manifests) if kind_of(part) not in OF_OPERATORS)


def documents(manifests: str) -> list[str]:
    return re.split(r"^---\n", manifests, flags=re.MULTILINE)


def kind_of(document: str) -> tuple[str, str]:
    found = dict(re.findall(r"^(apiVersion|kind): (\S+)$", document, re.MULTILINE))
    return found.get("apiVersion", ""), found.get("kind", "")


def install() -> Path | None:
    """The folder of the two programs, installed from their lock if that has changed; None where that
    fails, which is said."""
    try:
        return make_environment(ENVIRONMENT, LOCK, seconds=INSTALL_SECONDS)
    except CommandFailed as error:
        last = str(error).splitlines()[-1]
        print(f"k8s-check: kubernetes-validate and checkov cannot be installed ({last})")
        return None


def examine(programs: Path, rendered: Mapping[str, str]) -> list[str]:
    """What the two programs dislike in the overlays, in their words."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for overlay, manifests in rendered.items():
            file = Path(folder, f"{overlay}.yaml")
            file.write_text(without_kinds_of_operators(manifests))
            files.append(str(file))
        validate = [str(programs / "kubernetes-validate"), "--strict", "--quiet"]
        commands = [[*validate, "-k", version, *files] for version in VERSIONS]
        configuration = ["--config-file", str(FOLDER / "checkov.yaml")]
        commands.append([str(programs / "checkov"), *configuration, "-f", *files])
        return [text for command in commands if (text := complaint(command))]


def complaint(command: list[str]) -> str:
    """What a program wrote if it was not content, else nothing. Of a kind that it does not know
    kubernetes-validate only warns."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False, cwd=ROOT
    )
    output = (done.stdout + done.stderr).strip()
    return output if done.returncode or re.search("^WARN", output, re.MULTILINE) else ""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/k8s-check", description=__doc__)
    parser.parse_args(arguments)
    if not shutil.which("kubectl"):
        print("k8s-check: no kubectl here: the manifests of deploy/k8s are not checked")
        return 0
    rendered = {overlay: render(overlay) for overlay in OVERLAYS}
    programs = install()
    if programs is None:
        print(f"k8s-check: {', '.join(OVERLAYS)} can be put together; not validated")
        return 0
    found = examine(programs, rendered)
    for text in found:
        print(f"k8s-check: {text}", file=sys.stderr)
    if not found:
        print(f"k8s-check: {', '.join(OVERLAYS)} are valid, and checkov finds nothing")
    return 1 if found else 0


if __name__ == "__main__":
    run_command("k8s-check", main)
