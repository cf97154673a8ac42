#!/bin/bash
# From a fresh Debian to signed webhooks: installs, builds, starts, subscribes, publishes.
#
#   deploy/quickstart.sh          then stays in the foreground until Ctrl-C
#   deploy/quickstart.sh --once   ends when the example events have arrived (or not, within 60 s)
#
# As root or with sudo. Everything it starts listens on 127.0.0.1 on free ports and ends with it;
# its data is in a temporary folder that it removes. Safe to run twice, also at the same time.
set -u
cd "$(dirname "$0")/.." || exit 1
. deploy/packages.sh

once=no
case "${1-}" in
--once) once=yes ;;
"") ;;
*)
	sed -n '2,8s/^# \{0,1\}//p' "$0"
	[ "$1" = --help ]
	exit
	;;
esac

# Settings from the environment are for real servers, not for this one.
unset "${!BUDSTIKKE_@}"
budstikke=build-release/src/app/budstikke
examples=(deploy/examples/*.json)
home=$(mktemp -d) || exit 1
serve_pid='' receive_pid=''

step() {
	printf '\n== %s\n' "$*"
}

fail() {
	printf '\nquickstart: %s\n' "$*" >&2
	exit 1
}

# Ends one of our own children and waits for it; the shell says nothing about it.
end() {
	[ -n "$1" ] || return 0
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

clean_up() {
	trap '' INT TERM
	end "$serve_pid"
	end "$receive_pid"
	rm -rf "$home"
}
trap clean_up EXIT
trap 'echo; echo "ending"; exit 0' INT TERM

# quietly LOG COMMAND...: its output only when it fails.
quietly() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 || { tail -40 "$log" >&2; return 1; }
}

build() {
	if [ ! -e build-release/build.ninja ]; then
		quietly "$home/setup.log" meson setup build-release -Dtests=false \
			-Dbuildtype=release || return 1
	fi
	quietly "$home/build.log" ninja -C build-release
}

# said FILE NAME PID: the value of NAME=… in the "listening" line of a program, once it is there.
said() {
	local i
	for ((i = 0; i < 300; i++)); do
		if grep -q '^listening ' "$1"; then
			sed -n 's/^listening //p' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"
			return 0
		fi
		kill -0 "$3" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

install_and_build() {
	flock 9 # a second run at the same time waits here
	step "1/5 packages"
	# shellcheck disable=SC2086,SC2154
	install_packages "$home/packages.log" $build_packages curl || return 1
	echo "all there"
	step "2/5 a release build (a minute or two the first time)"
	build || return 1
	echo "$budstikke"
}

start_serve() {
	step "3/5 budstikke serve, with a Redis of its own"
	touch "$home/serve.out"
	"$budstikke" serve --set server.listen=127.0.0.1:0 --set admin.listen=127.0.0.1:0 \
		--set "data.dir=$home/data" --set server.drain_s=5 \
		--set delivery.allow_http=yes --set delivery.allow_networks=127.0.0.0/8 \
		>"$home/serve.out" 2>"$home/serve.log" &
	serve_pid=$!
	url=$(said "$home/serve.out" url $serve_pid) ||
		{ tail -20 "$home/serve.log" >&2; fail "serve did not start"; }
	admin=$(said "$home/serve.out" admin $serve_pid)
	cat "$home/serve.out"
}

start_receive() {
	local line words
	step "4/5 budstikke receive, and a subscription for it"
	secret="whsec_$(head -c 32 /dev/urandom | base64)"
	words=(--listen 127.0.0.1:0 --secret "$secret")
	mkfifo "$home/webhooks" || fail "no FIFO in $home"
	"$budstikke" receive "${words[@]}" >"$home/webhooks" &
	receive_pid=$!
	exec 3<"$home/webhooks"
	read -r -t 10 line <&3 || fail "receive did not start"
	echo "$line"
	"$budstikke" subscribe --url "$url" --sink "${line#listening url=}" --name quickstart \
		--secret "$secret" >"$home/subscription" || fail "the subscription was refused"
	cat "$home/subscription"
	id=$(sed -n 's/^id *//p' "$home/subscription")
}

# Prints webhooks as they come until $1 good ones have, or 60 s have passed.
show_webhooks() {
	local line good=0 until=$((SECONDS + 60))
	while [ "$good" -lt "$1" ] && [ "$SECONDS" -lt "$until" ]; do
		read -r -t 1 line <&3 || continue
		printf '%s\n' "$line"
		case "$line" in *"signature ok"*) good=$((good + 1)) ;; esac
	done
	[ "$good" -ge "$1" ]
}

publish() {
	step "5/5 budstikke publish deploy/examples/*.json, and the webhooks that come of it"
	"$budstikke" publish --url "$url" "${examples[@]}" || fail "an event was refused"
	echo
	show_webhooks ${#examples[@]} ||
		{ tail -20 "$home/serve.log" >&2; fail "not all webhooks came within 60 s"; }
}

say_what_next() {
	cat <<END

== It works. Try, from another terminal:

# Publish an event: it appears here.
curl -i $url/events -H 'content-type: application/cloudevents+json' -d '{
  "specversion": "1.0", "id": "1", "source": "/me", "type": "com.example.hello", "data": {"n": 1}}'
# The same event again: {"accepted":0,"duplicates":1}, and nothing appears.

# Who is subscribed, what was tried for it, and how it all went.
curl $url/subscriptions
curl $url/subscriptions/$id/attempts
curl $admin/metrics

# A receiver in trouble: its deliveries are retried, and parked meanwhile.
$budstikke receive --listen 127.0.0.1:9090 --status 503
$budstikke subscribe --url $url --sink http://127.0.0.1:9090/

Ctrl-C ends everything and removes its data.
END
}

stay() {
	local line
	while kill -0 "$serve_pid" 2>/dev/null; do
		if read -r -t 2 line <&3; then
			printf '%s\n' "$line"
		fi
	done
	tail -20 "$home/serve.log" >&2
	fail "serve has ended"
}

( install_and_build ) 9<. || fail "the lines above say why"
start_serve
start_receive
publish
[ $once = yes ] && exit 0
say_what_next
stay
