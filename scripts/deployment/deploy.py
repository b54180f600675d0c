"""``./scripts/deploy [HOST] VERSION``: from images on this machine to a running version on a host."""

import argparse
import re
import shlex

from deployment.errors import CommandFailed, run_command
from deployment.host import Host, HostState
from deployment.layout import release_root
from deployment.lock import in_the_way
from deployment.sentry import tell_sentry
from deployment.services import API_SERVICES, VERSION, images_of
from deployment.steps import Steps
from deployment.transfer import local_images, release_archive, send_images, send_release

# Host, port and path of a registry, as Docker takes them before a name.
REGISTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:/_-]*")

PLAN = """\
lock the host against a second deployment
preflight: check settings and secrets
backup
expand migrations of auth, event, notification
{apis}
workers, then relays and Flower: second container beside, healthy; end the old one
(where memory and PostgreSQL's connections suffice, old ones of the three APIs end together, then those of
workers, relays and Flower)
beat: stop, start
smoke test: book a seat on the hidden event, find its mail
record the version; remove all but the last three"""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/deploy",
        description="Deploy a version without a failed request. HOST is an ssh destination (SSH_CONFIG"
        " names a configuration of ssh), by default this machine; PARTERRE_HOME is the folder there,"
        " by default ~/parterre.",
    )
    parser.add_argument("host", nargs="?", default="", metavar="HOST")
    parser.add_argument("version", metavar="VERSION", help="tag of the three images")
    parser.add_argument("--dry-run", action="store_true", help="print the steps")
    parser.add_argument(
        "--send-only", action="store_true", help="send images and files, start nothing"
    )
    parser.add_argument(
        "--again", action="store_true", help="start all anew: settings have changed"
    )
    parser.add_argument("--without-backup", action="store_true")
    parser.add_argument("--registry", help="pull the images from there instead of sending them")
    options = parser.parse_intermixed_args()
    if not VERSION.fullmatch(options.version):
        raise CommandFailed(f"{options.version} is no version; letters, digits, dots, _ and - are")
    if options.registry and not REGISTRY.fullmatch(options.registry):
        raise CommandFailed(
            f"{options.registry} is no registry; give it as registry.example.com/path"
        )
    return options


def main() -> int:
    options = parse()
    if options.dry_run:
        return dry_run(options)
    host = Host(options.host)
    steps = Steps()
    state = host.probe()
    under_way = state.lock.get("version") == options.version
    if state.lock and not under_way:
        raise CommandFailed(in_the_way(state.lock))
    if not under_way:
        send(host, state, options, steps)
    if options.send_only:
        return 0
    if not state.has_settings:
        raise CommandFailed(
            f"{host.name} has no settings in {state.home}/.env; there, run"
            f" {state.home}/releases/{options.version}/scripts/install first"
        )
    flags = [
        f"--{name}" for name in ("again", "without-backup") if vars(options)[name.replace("-", "_")]
    ]
    script = host.python(
        state.home, options.version, "deployment.background", options.version, *flags
    )
    return host.run_through(script)


def send(host: Host, state: HostState, options: argparse.Namespace, steps: Steps) -> None:
    """Images and files to where the host finds them."""
    version = options.version
    images = images_of(version)
    if options.registry:
        for image in images:
            there = shlex.quote(f"{options.registry.rstrip('/')}/{image}")
            host.run(f"docker pull --quiet {there} && docker tag {there} {image}", seconds=1800)
        steps(f"images of {version} are pulled")
    elif host.destination:
        here = local_images(images)
        check_not_replaced(state, version, {name: id_ for name, (id_, _) in here.items()})
        steps(f"sending images to {host.name}")
        steps(f"images: {send_images(host, state, here, steps)}")
    else:
        local_images(images)
    root = release_root()
    if not host.destination and str(root) == f"{state.home}/releases/{version}":
        return
    send_release(host, state.home, version, release_archive(root, version))
    steps(f"files of {version} are in {state.home}/releases/{version}")


def check_not_replaced(state: HostState, version: str, ids: dict[str, str]) -> None:
    """Raises CommandFailed if other images run there under this version's name.

    There would be no way back to them.
    """
    tags = {tag: one.id for one in state.images for tag in one.tags}
    other = [name for name, id_ in ids.items() if tags.get(name, id_) != id_]
    if state.current == version and other:
        raise CommandFailed(
            f"{version} is in use there with other images ({', '.join(other)}); name this one anew"
        )


def dry_run(options: argparse.Namespace) -> int:
    host = Host(options.host)
    apis = "\n".join(
        f"{service}: second container beside, found by nobody yet, healthy, smoke test"
        for service in API_SERVICES
    )
    apis += "\neach API: let visitors in to the new one; end the old one, remove it"
    print(f"Deploying {options.version} to {host.name} would:")
    print("check Python, Docker, disk and lock of the host")
    print(f"send the images {', '.join(images_of(options.version))}: the layers that are missing")
    print(f"send the release's files to releases/{options.version}")
    print(PLAN.format(apis=apis))
    print("and if any of it fails: remove new containers, go back with what was replaced")
    return 0


if __name__ == "__main__":
    run_command("deploy", main, tell=tell_sentry)
