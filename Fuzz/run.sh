#!/bin/sh
# Fuzzes a parser with libFuzzer and the address sanitizer: Fuzz/run.sh TARGET SECONDS
# Corpora and findings stay in .build/fuzz/TARGET; a finding becomes a test (docs/fuzzing.md).
set -eu
cd "$(dirname "$0")/.."

# The table: for each target its source under Fuzz/, the modules it needs (each after those it imports), options to compile
# with, libraries, and seed files.
target=${1:-}
case $target in
  pcapng)
    source=Fuzz/Pcapng.swift modules="WeftWire WeftCore WeftCapture"
    flags="-ISources/CPcap" libraries="-lpcap" seeds=Fuzz/Seeds/pcapng ;;
  *) echo "usage: Fuzz/run.sh pcapng [SECONDS]" >&2; exit 2 ;;
esac
seconds=${2:-60}

build=.build/fuzz/$target
mkdir -p "$build/corpus" "$build/findings"
# Optimised as what people run, but with every check left in.
common="-O -wmo -swift-version 6 -parse-as-library -sanitize=fuzzer,address -enable-experimental-feature Lifetimes -I$build $flags"
objects=
for module in $modules; do
  # shellcheck disable=SC2046,SC2086
  swiftc $common -module-name "$module" -emit-module -emit-module-path "$build/$module.swiftmodule" \
    -emit-object -o "$build/$module.o" $(find "Sources/$module" -name '*.swift' | sort)
  objects="$objects $build/$module.o"
done
# shellcheck disable=SC2086
swiftc $common -module-name Fuzz "$source" $objects $libraries -o "$build/fuzz"

# Swift's backtraces take a minute each, and libFuzzer prints its own.
export SWIFT_BACKTRACE=enable=no
exec "$build/fuzz" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -max_len=8192 -print_final_stats=1 \
  -artifact_prefix="$build/findings/" "$build/corpus" "$seeds"
