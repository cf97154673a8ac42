#!/bin/bash
# Installs what the tests need, builds, runs every suite; the last line is "N passed, N failed".
#
#   tests/run.sh [--nightly] [SUITE…]
#   suites: lint unit integration fuzz e2e faults clang asan tsan
set -u
cd "$(dirname "$0")/.." || exit 2

. deploy/packages.sh
packages="$build_packages clang clang-format git libcmocka-dev util-linux procps"

# The fuzzers proper run at night only; they need clang's run-time library.
case " $* " in *" --nightly "*) packages="$packages libclang-rt-$(
	apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -1
)-dev" ;; esac

command -v node >/dev/null || packages="$packages nodejs"
command -v npm >/dev/null || packages="$packages npm"

# shellcheck disable=SC2086
install_packages build-packages.log $packages ||
	{ echo "packages could not be installed"; echo "0 passed, 1 failed"; exit 1; }
rm -f build-packages.log

# Some tests connect to "localhost" by name; a bare chroot has no hosts file at all.
[ -e /etc/hosts ] || printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n' | $(
	[ "$(id -u)" = 0 ] || echo sudo) tee /etc/hosts >/dev/null
exec python3 -B tests/suites.py "$@"
