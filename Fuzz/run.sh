#!/bin/sh
# Fuzzes what reads octets from outside, with libFuzzer and the address sanitizer:
#   Fuzz/run.sh [TARGET|all] [SECONDS]      default: all, 60 seconds each, one after the other
# Builds, corpora, logs and findings stay in .build/fuzz; the exit status is 1 if there was a finding (docs/fuzzing.md).
set -eu
cd "$(dirname "$0")/.."

# The table: target, longest input, and the modules it needs beyond WeftWire and WeftCore, each after those it imports.
fabric="WeftIP WeftSwitch WeftNAT WeftServices WeftISO WeftStack WeftDisk WeftPrograms WeftProbes WeftGuest WeftHypervisor Yams WeftTopology WeftCapture WeftImage WeftFabric"
table="\
ethernet    1600
arp         1600
ipv4        1600
icmp        1600
udp         1600
tcp         1600
dhcp        1600
pcapng      8192 WeftCapture
qcow2       16384 WeftDisk
raw         4096 WeftDisk
bundle      16384 WeftDisk
iso         45056 WeftISO
switch      2048 WeftSwitch
gateway     2048 WeftIP WeftNAT
dhcp-server 4096 WeftIP WeftServices
guest       4096 WeftIP WeftISO WeftStack WeftDisk WeftPrograms WeftProbes WeftGuest
topology    4096 Yams WeftDisk WeftISO WeftTopology
world       4096 $fabric
store       4096 $fabric WeftStorage
checkpoint  512  $fabric WeftStorage"

wanted=${1:-all}
seconds=${2:-60}
build=.build/fuzz
modules=$build/modules
yaml=.build/checkouts/Yams/Sources
mkdir -p "$modules"
# Optimised as what people run, but with every check left in. Warnings are for the usual build.
flags="-O -wmo -swift-version 6 -package-name weft -suppress-warnings -parse-as-library -sanitize=fuzzer,address"
flags="$flags -enable-experimental-feature Lifetimes -I$modules -ISources/CPcap -I$yaml/CYaml/include -DSWIFT_PACKAGE -use-ld=lld"

# compile NAME SOURCES: a module with coverage, unless the one there is newer than its sources and than the modules
# before it, of which it may have inlined parts.
compile() {
  name=$1
  shift
  # shellcheck disable=SC2086
  if [ -e "$modules/$name.o" ] && [ -z "$(find "$@" $objects -newer "$modules/$name.o")" ]; then return; fi
  # shellcheck disable=SC2046,SC2086  (no source's name holds a space)
  swiftc $flags -module-name "$name" -emit-module -emit-module-path "$modules/$name.swiftmodule" \
    -emit-object -o "$modules/$name.o" $(find "$@" -name '*.swift' | LC_ALL=C sort)
}

compile_yaml() {
  [ -d "$yaml" ] || swift package resolve
  if [ ! -e "$modules/yaml.a" ]; then
    for source in "$yaml"/CYaml/src/*.c; do
      clang -O1 -g -DYAML_DECLARE_STATIC -I"$yaml/CYaml/include" -fsanitize=fuzzer-no-link,address -c "$source" \
        -o "$modules/yaml-$(basename "$source" .c).o"
    done
    ar rc "$modules/yaml.a" "$modules"/yaml-*.o
  fi
  compile Yams "$yaml/Yams"
}

run() {
  target=$1 longest=$2
  shift 2
  out=$build/$target
  mkdir -p "$out/corpus" "$out/findings"
  objects="" libraries=""
  for module in WeftWire WeftCore "$@"; do
    case $module in
      Yams) compile_yaml; libraries="$libraries $modules/yaml.a" ;;
      WeftCapture) compile "$module" "Sources/$module"; libraries="$libraries -lpcap" ;;
      *) compile "$module" "Sources/$module" ;;
    esac
    objects="$objects $modules/$module.o"
  done
  # shellcheck disable=SC2086
  swiftc $flags -module-name Fuzz Fuzz/Support/*.swift "Fuzz/Targets/$target.swift" $objects $libraries -o "$out/fuzz"
  case $target in
    topology | world) seeds="topologies Tests/WeftTopologyTests/Fixtures" ;;
    *) seeds=Fuzz/Seeds/$target ;;
  esac
  code=0
  # A crash must reach libFuzzer at once, not after a minute of symbolication. The leak detector can't read the tagged
  # pointers of Swift's globals; frames are counted by their pool.
  # shellcheck disable=SC2086
  SWIFT_BACKTRACE=enable=no SWIFT_DETERMINISTIC_HASHING=1 ASAN_OPTIONS=detect_leaks=0 nice "$out/fuzz" -max_total_time="$seconds" -max_len="$longest" -timeout=10 \
    -rss_limit_mb=1024 -use_value_profile=1 -print_final_stats=1 -artifact_prefix="$out/findings/" \
    "$out/corpus" $seeds >"$out/log" 2>&1 || code=$?
  executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$out/log")
  features=$(sed -n 's/.*cov: \([0-9]*\) ft: \([0-9]*\).*/\1 edges, \2 features/p' "$out/log" | tail -1)
  if [ $code -eq 0 ]; then
    echo "$target: $executed executions, $features, nothing found"
  else
    echo "$target: FINDING (exit $code), see $out/log and $out/findings"
    status=1
  fi
}

status=0
found=
while read -r target longest needs; do
  case $wanted in all | "$target") ;; *) continue ;; esac
  found=yes
  # shellcheck disable=SC2086
  run "$target" "$longest" $needs </dev/null
done <<END
$table
END
[ -n "$found" ] || { echo "usage: Fuzz/run.sh [TARGET|all] [SECONDS]; targets:" >&2; echo "$table" | cut -d' ' -f1 >&2; exit 2; }
exit $status
