public import WeftWire

// Comments put together in place: a busy NAT notes a translation per packet, and must not make a String each time.
extension PcapngWriter {
  /// Starts a comment of the staged packet, to be filled with `append`.
  public mutating func openComment(into buffer: inout CaptureBuffer) {
    precondition(buffer.isStaged && commentStart < 0)
    commentStart = buffer.count - buffer.committed
    buffer.put(UInt32(Pcapng.Option.comment))
  }

  public mutating func closeComment(into buffer: inout CaptureBuffer) {
    precondition(commentStart >= 0)
    buffer.closeOption(at: buffer.committed + commentStart)
    commentStart = -1
  }

  public func append(_ text: StaticString, into buffer: inout CaptureBuffer) {
    guard text.hasPointerRepresentation else { return buffer.put(text.description) }
    buffer.put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  public func append(_ text: String, into buffer: inout CaptureBuffer) { buffer.put(text) }

  /// In decimal.
  public func append(_ number: UInt32, into buffer: inout CaptureBuffer) {
    buffer.reserve(10)
    buffer.putDecimal(number)
  }

  /// `192.168.122.2`, and with a port `192.168.122.2:40000`.
  public func append(_ address: IPv4Address, port: UInt16? = nil, into buffer: inout CaptureBuffer) {
    // 255.255.255.255:65535
    buffer.reserve(21)
    let octets = address.rawValue
    buffer.putDecimal(octets >> 24)
    buffer.putOctet(UInt8(ascii: "."))
    buffer.putDecimal(octets >> 16 & 255)
    buffer.putOctet(UInt8(ascii: "."))
    buffer.putDecimal(octets >> 8 & 255)
    buffer.putOctet(UInt8(ascii: "."))
    buffer.putDecimal(octets & 255)
    if let port {
      buffer.putOctet(UInt8(ascii: ":"))
      buffer.putDecimal(UInt32(port))
    }
  }
}

extension CaptureBuffer {
  /// There must be room for it.
  @inline(__always)
  fileprivate mutating func putOctet(_ octet: UInt8) {
    (base + count).storeBytes(of: octet, as: UInt8.self)
    count += 1
  }

  /// There must be room for up to ten digits. Counted first, written from the last one on.
  @inline(__always)
  fileprivate mutating func putDecimal(_ number: UInt32) {
    var digits = 1
    var bound: UInt64 = 10
    while UInt64(number) >= bound {
      digits += 1
      bound &*= 10
    }
    var rest = number
    var at = base + count + digits
    repeat {
      at -= 1
      at.storeBytes(of: UInt8(truncatingIfNeeded: 48 &+ rest % 10), as: UInt8.self)
      rest /= 10
    } while rest > 0
    count += digits
  }
}
