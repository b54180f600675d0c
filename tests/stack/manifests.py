"""The manifests of deploy/k8s as objects: who gets which setting, secret and connection."""

import copy
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from deployment.kubernetes import render

ROOT = Path(__file__).resolve().parents[2]
Object = dict[str, Any]
WITH_PODS = ("Deployment", "StatefulSet", "Job")


def load_all(text: str) -> list[Object]:
    # Without stubs in this repository.
    yaml: Any = import_module("yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [one for one in yaml.load_all(text, loader) if one]


@cache
def objects_of(overlay: str) -> tuple[Object, ...]:
    return tuple(load_all(render(overlay)))


def substituted(value: Any) -> str:
    """A value of Compose with the defaults of its variables."""
    text = "" if value is None else str(value)
    while (shorter := re.sub(r"\$\{\w+:-([^${}]*)\}", r"\1", text)) != text:
        text = shorter
    return text


class Manifests:
    """An overlay's objects. Changes of one instance are not seen by another."""

    def __init__(self, objects: Iterable[Object]) -> None:
        self.objects = list(objects)

    @classmethod
    def of(cls, overlay: str) -> "Manifests":
        return cls(copy.deepcopy(objects_of(overlay)))

    def all(self, *kinds: str) -> dict[str, Object]:
        return {one["metadata"]["name"]: one for one in self.objects if one["kind"] in kinds}

    def pod(self, name: str) -> Object:
        spec: Object = self.all(*WITH_PODS)[name]["spec"]["template"]["spec"]
        return spec

    def main(self, name: str) -> Object:
        [container] = self.pod(name)["containers"]
        found: Object = container
        return found

    def environment(self, container: Object) -> dict[str, str]:
        """What a container's process is given; what comes later counts."""
        maps = self.all("ConfigMap")
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            found |= maps[source["configMapRef"]["name"]]["data"]
        for one in container.get("env", []):
            if "value" in one:
                found[one["name"]] = one["value"]
            else:
                ref = one["valueFrom"]["configMapKeyRef"]
                found[one["name"]] = maps[ref["name"]]["data"][ref["key"]]
        return found

    def secrets(self, name: str) -> set[str]:
        """The files in /run/secrets."""
        volumes = self.pod(name)["volumes"]
        volume: Object = next((one for one in volumes if one["name"] == "secrets"), {})
        sources = [one["secret"] for one in volume.get("projected", {}).get("sources", [])]
        sources += [volume["secret"]] if "secret" in volume else []
        return {item["path"] for source in sources for item in source["items"]}

    def labels(self, name: str) -> Mapping[str, str]:
        """A pod's; of PostgreSQL those that its operator gives."""
        if name == "postgres":
            return {"cnpg.io/cluster": "postgres"}
        labels: Mapping[str, str] = self.all(*WITH_PODS)[name]["spec"]["template"]["metadata"][
            "labels"
        ]
        return labels

    def may_connect(self, source: str, target: str, port: int) -> bool:
        """Whether the policies let a pod reach another one: both sides have to."""
        return self._allows("Egress", source, target, port) and self._allows(
            "Ingress", target, source, port
        )

    def ways_out(self, name: str) -> set[int]:
        """Ports on which a pod reaches any address."""
        return {
            port["port"]
            for rule in self._rules("Egress", name)
            if "to" not in rule
            for port in rule["ports"]
        }

    def _rules(self, direction: str, name: str) -> list[Object]:
        return [
            rule
            for policy in self.all("NetworkPolicy").values()
            if direction in policy["spec"]["policyTypes"]
            and selects(policy["spec"]["podSelector"], self.labels(name))
            for rule in policy["spec"].get(direction.lower(), [])
        ]

    def _allows(self, direction: str, name: str, other: str, port: int) -> bool:
        side = "to" if direction == "Egress" else "from"
        return any(
            port in [one["port"] for one in rule["ports"]]
            and any(self._names(peer, other) for peer in rule.get(side, [{"podSelector": {}}]))
            for rule in self._rules(direction, name)
        )

    def _names(self, peer: Object, pod: str) -> bool:
        """Whether a peer of a rule is a pod of the same namespace. Addresses are those of others."""
        return "namespaceSelector" not in peer and (
            "podSelector" in peer and selects(peer["podSelector"], self.labels(pod))
        )


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels", {})
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"]
        for one in selector.get("matchExpressions", [])
    )
