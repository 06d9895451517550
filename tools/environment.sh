#!/bin/sh
# Makes the virtual environment .venv with a Python of at least 3.11, or says in one sentence why not.
# PYTHON=/path/to/python chooses one; otherwise python3 and then the versioned names are tried.
set -eu
cd "$(dirname "$0")/.."

say() {
    echo "$1" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

python=
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if new_enough "$candidate"; then
        python=$candidate
        break
    fi
done

if [ -z "$python" ]; then
    found=$("${PYTHON:-python3}" -V 2>/dev/null || echo "no Python")
    say "Sandtable needs Python 3.11 or newer and found $found: install one (Debian, Ubuntu: apt-get install python3 python3-venv; Fedora: dnf install python3) or name it, as in make serve PYTHON=/path/to/python3."
fi

"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    say "$("$python" -V) has no venv module: install it (Debian, Ubuntu: apt-get install python3-venv) and run make again."

# --clear: an environment that was left half made, or made in another folder, is of no use.
echo "Making the environment .venv with $("$python" -V)" >&2
"$python" -m venv --clear .venv ||
    say "The environment .venv could not be made: see Python's message above, then run make again."
