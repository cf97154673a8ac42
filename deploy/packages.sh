# shellcheck shell=bash
# What the build needs from Debian, and how it is installed. For deploy/quickstart.sh and
# tests/run.sh, which read it with "."; nothing happens until they call install_packages.

# shellcheck disable=SC2034
build_packages="build-essential meson ninja-build pkg-config python3 redis-server ca-certificates
	libuv1-dev libcurl4-openssl-dev libc-ares-dev libhiredis-dev libjansson-dev libssl-dev
	libinih-dev libxxhash-dev"

missing_packages() {
	local package
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
			echo "$package"
	done
}

# Debian 12 has http_parser, newer ones llhttp.
http_parser_package() {
	if apt-cache show libllhttp-dev 2>/dev/null | grep -q '^Package'; then
		echo libllhttp-dev
	else
		echo libhttp-parser-dev
	fi
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "this needs root: run it as root, or install sudo" >&2
		return 1
	fi
}

# Nothing that is installed here should start a service: budstikke starts its own Redis.
forbid_services() {
	local guard=/usr/sbin/policy-rc.d
	[ -e $guard ] && return
	printf '#!/bin/sh\nexit 101\n' | as_root tee $guard >/dev/null && as_root chmod +x $guard &&
		echo $guard
}

# install_packages LOG PACKAGE...: the missing ones, and an HTTP parser if there is none. What apt
# says goes to LOG. Asks for root only when there is something to install.
install_packages() {
	local log=$1 wanted guard failed=0
	shift
	if ! command -v apt-get dpkg-query >/dev/null; then
		echo "no apt here; install what these Debian packages hold: $*" >&2
		return 1
	fi
	wanted=$(missing_packages "$@")
	if [ "$(missing_packages libllhttp-dev libhttp-parser-dev | wc -l)" = 2 ]; then
		wanted="$wanted http-parser"
	fi
	[ -z "$wanted" ] && return 0
	echo "installing:" $wanted
	as_root apt-get update -qq >"$log" 2>&1 || { tail -20 "$log" >&2; return 1; }
	wanted=${wanted/http-parser/$(http_parser_package)}
	guard=$(forbid_services)
	# An interrupt must not leave the guard behind.
	# shellcheck disable=SC2064
	[ -n "$guard" ] && trap "as_root rm -f $guard; exit 130" INT TERM
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends $wanted >>"$log" 2>&1 || failed=1
	if [ -n "$guard" ]; then
		as_root rm -f "$guard"
		trap - INT TERM
	fi
	[ $failed = 0 ] || tail -20 "$log" >&2
	return $failed
}
