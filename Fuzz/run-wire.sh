#!/bin/sh
# Builds and runs the wire fuzzers, one after the other on one core.
#   Fuzz/run-wire.sh [SECONDS [TARGET…]]      default: 60 seconds each, all targets
# Build output and corpora go to $WEFT_FUZZ_OUT (default: .build/fuzz). Exit status 1 if any target found something.
set -u
cd "$(dirname "$0")/.." || exit 2
seconds=${1:-60}
[ $# -gt 0 ] && shift
targets=${*:-ethernet arp ipv4 icmp udp tcp dhcp}
out=${WEFT_FUZZ_OUT:-.build/fuzz}
status=0
# A crash must reach libFuzzer at once, not after a minute of symbolication.
export SWIFT_BACKTRACE=enable=no
for target in $targets; do
  mkdir -p "$out/corpus/$target" "$out/findings"
  seeds=Fuzz/Wire/Seeds/$target
  # shellcheck disable=SC2046  (the sources' names hold no spaces)
  swiftc -O -swift-version 6 -sanitize=fuzzer,address -parse-as-library -enable-experimental-feature Lifetimes \
    $(find Sources/WeftWire -name '*.swift' | LC_ALL=C sort) Fuzz/Wire/Support.swift "Fuzz/Wire/$target.swift" \
    -module-name "fuzz_$target" -o "$out/$target" >"$out/$target.build.log" 2>&1 || { cat "$out/$target.build.log"; exit 2; }
  [ -d "$seeds" ] || seeds=
  "$out/$target" -max_total_time="$seconds" -max_len=1600 -use_value_profile=1 -print_final_stats=1 \
    -artifact_prefix="$out/findings/$target-" "$out/corpus/$target" $seeds >"$out/$target.log" 2>&1
  code=$?
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$target.log")
  features=$(sed -n 's/.*cov: \([0-9]*\) ft: \([0-9]*\).*/\1 edges, \2 features/p' "$out/$target.log" | tail -1)
  if [ $code -eq 0 ]; then
    echo "$target: $executed executions, $features, no finding"
  else
    echo "$target: FINDING (exit $code), see $out/$target.log"
    status=1
  fi
done
exit $status
