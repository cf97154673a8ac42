#!/bin/bash
# Measures the real program beside the limits of what it is made of; README.md tells how to read it.
#
#   tests/bench/run.sh [--events N] [--repeat N] [CASE…]
#   cases: a b c d e (default), f g h m match p q t
set -eu
cd "$(dirname "$0")/../.."
if [ ! -e build-bench/build.ninja ]; then
	meson setup build-bench -Dbuildtype=release >/dev/null
fi
ninja -C build-bench >build-bench/ninja.log || { tail -30 build-bench/ninja.log; exit 1; }
exec python3 -B tests/bench/measure.py build-bench "$@"
