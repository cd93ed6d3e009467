/// A UDP-Lite datagram (RFC 3828): UDP whose checksum covers the header and as much of the payload as its sender says.
///
///     |  source port (16)  | destination port (16) |
///     |  coverage (16)     | checksum (16)         |
public struct UDPLiteView: ~Escapable {
  public let bytes: RawSpan
  /// In bytes from the header's first.
  public let coverage: Int

  /// Nil where the header is cut short, the coverage is less than it or more than there is, or no checksum was made: it has to be.
  @_lifetime(copy bytes)
  public init?(_ bytes: RawSpan) {
    guard bytes.byteCount >= 8 else { return nil }
    // Zero says all.
    let said = Int(bytes.u16(4))
    coverage = said == 0 ? bytes.byteCount : said
    guard coverage >= 8, coverage <= bytes.byteCount, bytes.u16(6) != 0 else { return nil }
    self.bytes = bytes
  }

  public var sourcePort: UInt16 { bytes.u16(0) }
  public var destinationPort: UInt16 { bytes.u16(2) }

  /// The pseudo-header has the length of the whole datagram.
  public func hasValidChecksum(source: IPv4Address, destination: IPv4Address) -> Bool {
    InternetChecksum.checksum(
      bytes.extracting(0..<coverage),
      initial: InternetChecksum.pseudoHeader(
        source: source, destination: destination, protocol: IPProtocol.udpLite.rawValue, length: bytes.byteCount)) == 0
  }
}
