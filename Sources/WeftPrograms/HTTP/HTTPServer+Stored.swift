import WeftISO
import WeftStack

// What a server has beside its one page: files of the disc in the drive, and those that the machine was set up with.
extension HTTPServer {
  /// Where a drive's disc is mounted, and where Debian's Apache has its pages.
  private static let (mountPoint, pages) = ("/cdrom", "/var/www/html")

  /// Nil: what is asked for is neither.
  func stored(_ request: HTTPRequest, _ stack: inout Stack) -> (status: Int, content: [UInt8])? {
    guard stack.storage != nil else { return nil }
    let path = Self.plain(String(decoding: request.path, as: UTF8.self))
    if path == Self.mountPoint || path.hasPrefix(Self.mountPoint + "/") {
      guard let answer = stack.readDisc(path.dropFirst(Self.mountPoint.count)) else { return nil }
      return switch answer {
      case .file(let bytes): (200, Array(bytes))
      case .names(let names): (200, Array(names.map { $0 + "\n" }.joined().utf8))
      case .noSuchFile: (404, Array("no such file on the disc\n".utf8))
      case .noDisc: (404, Array("no disc\n".utf8))
      case .unitAttention: (503, Array("the disc was changed\n".utf8))
      }
    }
    let file = Self.pages + (path.hasSuffix("/") ? path + "index.html" : path)
    return stack.file(at: file).map { (200, $0) }
  }

  /// Without its query, and with percent notation resolved (RFC 3986, 2.1).
  private static func plain(_ path: String) -> String {
    var bytes: [UInt8] = []
    var rest = path.utf8.prefix { $0 != UInt8(ascii: "?") }
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2)
      if byte == UInt8(ascii: "%"), digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
