"""Render every overlay of deploy/k8s and check it: schemas, and what schemas cannot see.

Needs `kubectl` (its kustomize works without a server). A missing tool is an error that names it.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = [ROOT / "deploy/k8s/base", *sorted((ROOT / "deploy/k8s/overlays").iterdir())]
SERVICES = ("ingest", "notify", "planner", "queue-submit", "vetting-api", "circulars")


def render(folder: Path) -> str:
    """Render a kustomization."""
    done = subprocess.run(  # noqa: S603  -- our own folders
        [str(which("kubectl")), "kustomize", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{folder.relative_to(ROOT)}: {done.stderr.strip()}")
    return done.stdout


def validate(text: str, folder: Path) -> None:
    """Check a rendered text against the Kubernetes schemas, strictly."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        tool = Path(sys.executable).with_name("kubernetes-validate")
        done = subprocess.run(  # noqa: S603  -- a tool of our own environment
            [str(tool), "--strict", "--quiet", file.name],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        sys.exit(f"{folder.relative_to(ROOT)}: {done.stdout}{done.stderr}")


Objects = dict[str, dict[str, dict[str, Any]]]
"""Objects by kind and name."""


def problems(documents: list[dict[str, Any]]) -> Iterator[str]:
    """What schemas do not see: selectors, ports, names, and the house rules for pods."""
    objects: Objects = {}
    for item in documents:
        objects.setdefault(item["kind"], {})[item["metadata"]["name"]] = item
    for name in SERVICES:
        for kind, wanted in (("Deployment", name), ("Service", name), ("Job", f"migrate-{name}")):
            if wanted not in objects.get(kind, {}):
                yield f"there is no {kind} {wanted}"
    yield from _services(objects)
    for kind in ("Deployment", "Job"):
        for name, item in objects.get(kind, {}).items():
            for what in _pod(item["spec"]["template"]["spec"], objects):
                yield f"{kind} {name} {what}"


def _services(objects: Objects) -> Iterator[str]:
    services = objects.get("Service", {})
    for name, service in services.items():
        template = objects["Deployment"][name]["spec"]["template"]
        if not service["spec"]["selector"].items() <= template["metadata"]["labels"].items():
            yield f"Service {name} selects no pod of its Deployment"
        container = template["spec"]["containers"][0]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for port in service["spec"]["ports"]:
            if ports.get(port["targetPort"]) != port["port"]:
                yield f"Service {name}: port {port['name']} leads nowhere"
    for ingress in objects.get("Ingress", {}).values():
        for rule in ingress["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                target = path["backend"]["service"]["name"]
                if target not in services:
                    yield f"Ingress: there is no Service {target}"


def _pod(pod: dict[str, Any], objects: Objects) -> Iterator[str]:
    container = pod["containers"][0]
    security = container["securityContext"]
    if not (
        pod["securityContext"]["runAsNonRoot"]
        and security["readOnlyRootFilesystem"]
        and not security["allowPrivilegeEscalation"]
    ):
        yield "is not read-only and unprivileged"
    if "memory" not in container["resources"].get("limits", {}):
        yield "has no memory limit"
    for source in container.get("envFrom", ()):
        wanted = source.get("configMapRef", {}).get("name")
        if wanted and not any(name.startswith(wanted) for name in objects.get("ConfigMap", {})):
            yield f"names a ConfigMap {wanted} that is not there"


def main() -> None:
    """Check all overlays; exits with the first thing that is wrong."""
    if which("kubectl") is None:
        sys.exit("kubectl is missing: install it (Debian and Ubuntu: apt-get install kubectl)")
    for folder in FOLDERS:
        text = render(folder)
        validate(text, folder)
        documents = [item for item in yaml.safe_load_all(text) if item]
        found = list(problems(documents))
        if found:
            sys.exit("\n".join(f"{folder.relative_to(ROOT)}: {line}" for line in found))
        print(f"{folder.relative_to(ROOT)}: {len(documents)} objects are valid")


if __name__ == "__main__":
    main()
