// What every wire fuzzer shares.

import WeftWire

/// libFuzzer hands over a heap block of exactly `count` bytes: AddressSanitizer sees any read beyond it.
@inline(__always)
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int, _ body: (RawSpan) -> Void) {
  guard let start else { return body(RawSpan()) }
  body(unsafe RawSpan(_unsafeStart: UnsafeRawPointer(start), byteCount: count))
}

/// Keeps accessors from being optimised away; the pointer is what the fuzzer must not be able to predict.
nonisolated(unsafe) var sink: UInt64 = 0
@inline(never) func touch(_ value: UInt64) { sink = sink &* 31 &+ value }
func touch(_ value: some BinaryInteger) { touch(UInt64(truncatingIfNeeded: value)) }
func touch(_ value: Bool) { touch(value ? 1 : 0 as UInt64) }
func touch(_ span: RawSpan) {
  var sum: UInt64 = 0
  for index in 0..<span.byteCount { sum &+= UInt64(span.u8(index)) }
  touch(sum)
}

/// A buffer of `count` bytes filled by `body`.
func written(_ count: Int, _ body: (inout MutableRawSpan) -> Void) -> [UInt8] {
  var bytes = [UInt8](repeating: 0xa5, count: count)
  var span = bytes.mutableSpan
  var raw = span.mutableBytes
  body(&raw)
  return bytes
}

/// A precondition that says in an optimised build too what was wrong.
func check(_ holds: Bool, _ what: @autoclosure () -> String) {
  if !holds { fatalError(what()) }
}
