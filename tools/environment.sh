# shellcheck shell=bash
# Sourced by tools/run and tools/test: makes the virtual environment of this checkout, once.
#
#   make_environment EXTRA   installs the checkout with this extra of setup.cfg; sets $venv
#
# SWIFTLITE_VENV names another place for the environment; PYTHON another interpreter.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${SWIFTLITE_VENV:-$repository/.venv}

say() { printf '%s\n' "$*" >&2; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say "Python 3.11 or later is needed and was not found; on Debian 12: apt install python3 python3-venv"
    return 1
}

# A bare Debian has Python without what makes environments.
need_venv_module() {
    local python=$1
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        return
    fi
    local package
    package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing $package, which is missing ..."
        { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -qy install "$package"; } >&2
    else
        say "The Python module venv is missing; install it and try again: apt install $package"
        return 1
    fi
}

make_environment() {
    local extra=$1 python stamp wanted
    stamp=$venv/.installed-$extra
    wanted=$(cat "$repository/setup.cfg" "$repository/pyproject.toml" | sha256sum)
    if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    python=$(find_python)
    need_venv_module "$python"
    say "making the environment in $venv (only the first time) ..."
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip --quiet --disable-pip-version-check install \
        --editable "$repository[$extra]" >&2
    printf '%s\n' "$wanted" >"$stamp"
}
