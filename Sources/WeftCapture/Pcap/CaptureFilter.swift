import CPcap

/// Why a filter expression doesn't compile, in libpcap's words: `can't parse filter expression: syntax error`.
public struct CaptureFilterError: Error, Sendable, Hashable, CustomStringConvertible {
  public var expression: String
  public var reason: String

  public var description: String { "capture filter “\(expression)”: \(reason)" }
}

/// A compiled pcap-filter(7) expression for Ethernet frames: `tcp port 80 and host 192.168.122.2`.
///
/// Host names in an expression are looked up when it's compiled, which may take its time; addresses aren't.
public final class CaptureFilter: @unchecked Sendable {
  /// libpcap's compiler takes the cube of an expression's length: 38 kB of ports, a minute and 3.5 GB.
  static let longest = 2048

  public let expression: String
  // Never changed after init: running the program only reads it, so threads may share it.
  private var program = bpf_program()

  public init(expression: String) throws(CaptureFilterError) {
    self.expression = expression
    guard !expression.utf8.contains(0) else {
      throw CaptureFilterError(expression: expression, reason: "has a zero octet")
    }
    guard expression.utf8.count <= Self.longest else {
      throw CaptureFilterError(
        expression: "\(expression.prefix(60))…", reason: "longer than \(Self.longest) characters")
    }
    guard let handle = pcap_open_dead(Int32(Pcapng.linkType), Int32(Pcapng.snapLength)) else {
      throw CaptureFilterError(expression: expression, reason: "out of memory")
    }
    defer { pcap_close(handle) }
    guard pcap_compile(handle, &program, expression, 1, weft_pcap_netmask_unknown) == 0 else {
      throw CaptureFilterError(expression: expression, reason: String(cString: pcap_geterr(handle)))
    }
  }

  /// What is wrong with an expression, in libpcap's words; nil if nothing is.
  public static func problem(_ expression: String) -> String? {
    do throws(CaptureFilterError) {
      _ = try CaptureFilter(expression: expression)
      return nil
    } catch {
      return error.reason
    }
  }

  deinit { pcap_freecode(&program) }

  /// Whether a frame fits. `originalLength` is its length on the wire, for `greater` and `less`.
  public func matches(_ bytes: UnsafeRawBufferPointer, originalLength: Int) -> Bool {
    guard let start = bytes.baseAddress else { return withNothing { run($0, 0, originalLength) } }
    return run(start.assumingMemoryBound(to: UInt8.self), bytes.count, originalLength)
  }

  public func matches(_ bytes: RawSpan, originalLength: Int) -> Bool {
    bytes.withUnsafeBytes { matches($0, originalLength: originalLength) }
  }

  private func run(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ originalLength: Int) -> Bool {
    // Nothing captured reads a whole frame, but lengths are 32 bits wide.
    let captured = UInt32(clamping: count)
    return bpf_filter(program.bf_insns, bytes, max(UInt32(clamping: originalLength), captured), captured) != 0
  }

  private func withNothing(_ body: (UnsafePointer<UInt8>) -> Bool) -> Bool {
    var nothing: UInt8 = 0
    return body(&nothing)
  }
}
