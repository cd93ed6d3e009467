import Testing
import WeftWire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes from hexadecimal text; spaces and line ends are for the reader.
func hex(_ text: String) -> [UInt8] {
  let digits = text.filter { !$0.isWhitespace }
  precondition(digits.count % 2 == 0)
  var bytes: [UInt8] = []
  var rest = digits[...]
  while !rest.isEmpty {
    bytes.append(UInt8(rest.prefix(2), radix: 16)!)
    rest = rest.dropFirst(2)
  }
  return bytes
}

func mac(_ text: String) -> MACAddress { MACAddress(text)! }
func ip(_ text: String) -> IPv4Address { IPv4Address(text)! }

/// A buffer of `count` bytes, dirty at first, filled by `body`: a field that isn't written shows.
func written(_ count: Int, _ body: (inout MutableRawSpan) -> Void) -> [UInt8] {
  var bytes = [UInt8](repeating: 0xa5, count: count)
  var span = bytes.mutableSpan
  var raw = span.mutableBytes
  body(&raw)
  return bytes
}

/// A header before a payload, written by `body` over both.
func packet(_ headerLength: Int, _ payload: [UInt8], _ body: (inout MutableRawSpan) -> Void) -> [UInt8] {
  written(headerLength + payload.count) { span in
    span.put(payload.span.bytes, at: headerLength)
    body(&span)
  }
}

/// Two pages, the second one forbidden: bytes that end where it begins can't be read beyond their end unnoticed.
struct GuardPage: ~Copyable {
  private let base: UnsafeMutableRawPointer
  private let size = 4096

  init() {
    base = mmap(nil, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | Int32(MAP_ANONYMOUS), -1, 0)!
    precondition(base != MAP_FAILED && mprotect(base + 4096, 4096, PROT_NONE) == 0)
  }

  deinit { munmap(base, 8192) }

  func with<R>(_ bytes: [UInt8], _ body: (RawSpan) -> R) -> R {
    let start = base + size - bytes.count
    bytes.withUnsafeBytes { source in
      if let from = source.baseAddress { start.copyMemory(from: from, byteCount: bytes.count) }
    }
    return body(unsafe RawSpan(_unsafeStart: start, byteCount: bytes.count))
  }
}

/// A small generator with a fixed seed (WeftCore's belongs to another target).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// `#expect` for expressions with views in them, which its macro can't take apart: they are `~Escapable`.
func check(_ condition: Bool, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(condition, comment, sourceLocation: sourceLocation)
}

func unwrap<T>(_ value: T?, sourceLocation: SourceLocation = #_sourceLocation) throws -> T {
  try #require(value, sourceLocation: sourceLocation)
}
