#!/bin/bash
# Installs what the tests need, builds, runs every suite; the last line is "N passed, N failed".
#
#   tests/run.sh [--nightly] [SUITE…]
#   suites: lint unit integration fuzz e2e faults clang asan tsan
set -u
cd "$(dirname "$0")/.." || exit 2

packages="build-essential clang clang-format git meson ninja-build pkg-config python3 redis-server
	ca-certificates libuv1-dev libcurl4-openssl-dev libc-ares-dev libhiredis-dev libjansson-dev
	libssl-dev libinih-dev libxxhash-dev libcmocka-dev util-linux procps"

# The fuzzers proper run at night only; they need clang's run-time library.
case " $* " in *" --nightly "*) packages="$packages libclang-rt-$(
	apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -1
)-dev" ;; esac

missing() {
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
			echo "$package"
	done
}

# Debian 12 has http_parser, newer ones llhttp; whichever is there already will do.
http_parser() {
	if [ -z "$(missing libllhttp-dev)" ] || [ -z "$(missing libhttp-parser-dev)" ]; then
		return
	fi
	if apt-cache show libllhttp-dev 2>/dev/null | grep -q '^Package'; then
		echo libllhttp-dev
	else
		echo libhttp-parser-dev
	fi
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
	local wanted guard=/usr/sbin/policy-rc.d guarded=0 failed=0
	# shellcheck disable=SC2086
	wanted=$(missing $packages)
	if [ "$(missing libllhttp-dev libhttp-parser-dev | wc -l)" = 2 ]; then
		wanted="$wanted http-parser"
	fi
	command -v node >/dev/null || wanted="$wanted nodejs"
	command -v npm >/dev/null || wanted="$wanted npm"
	[ -z "${wanted// /}" ] && return 0
	echo "installing:" $wanted
	as_root apt-get update -qq || return 1
	wanted=${wanted/http-parser/$(http_parser)}
	# Nothing that is installed here should start a service: the tests start their own Redis.
	if [ ! -e $guard ]; then
		guarded=1
		printf '#!/bin/sh\nexit 101\n' | as_root tee $guard >/dev/null
		as_root chmod +x $guard
	fi
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		$wanted >build-packages.log 2>&1 || failed=1
	[ $guarded = 1 ] && as_root rm -f $guard
	[ $failed = 0 ] && rm -f build-packages.log || tail -20 build-packages.log
	return $failed
}

install_packages || { echo "packages could not be installed"; echo "0 passed, 1 failed"; exit 1; }
exec python3 -B tests/suites.py "$@"
