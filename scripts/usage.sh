# Sourced by scripts in bash: `options "--fix" "$@"` answers --help with the comment at the script's top, and
# refuses an option that is none of those in the first argument (with * it refuses none).

options() { # "KNOWN OPTIONS" ARGUMENT...
  local script argument known=$1
  script=$(readlink -f "$0")
  shift
  for argument; do
    case $argument in
      -h | --help)
        sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$script" | grep -v '^shellcheck'
        exit
        ;;
      -*)
        case " $known " in *" $argument "* | " * ") continue ;; esac
        echo "${script##*/}: there is no option $argument; --help says what there is" >&2
        exit 2
        ;;
    esac
  done
}
