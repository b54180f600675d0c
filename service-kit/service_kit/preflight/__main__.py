"""``python -m service_kit.preflight``; exit code 1 if anything is wrong."""

import sys

from service_kit.preflight.report import examine_host


def main() -> int:
    problems, remarks = examine_host()
    for remark in remarks:
        print(f"preflight: {remark}", flush=True)
    if not problems:
        print("preflight: settings and secrets are well", flush=True)
        return 0
    for problem in problems:
        print(f"preflight: {problem}", file=sys.stderr)
    count = f"{len(problems)} problems" if len(problems) > 1 else "1 problem"
    print(f"preflight: {count}; nothing is started before all is well", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
