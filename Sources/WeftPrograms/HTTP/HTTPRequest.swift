/// What a server needs to know of a request (RFC 9112).
struct HTTPRequest {
  enum Parsed {
    case incomplete
    /// To be answered with this status, and the connection closed.
    case invalid(status: Int)
    case complete(HTTPRequest, length: Int)
  }

  /// Of the request line and the header fields together.
  static let longest = 8192

  enum Method: String {
    case get = "GET"
    case head = "HEAD"
    case put = "PUT"
    case delete = "DELETE"
  }

  var method = Method.get
  /// As it was sent.
  var path = [UInt8]()
  /// What follows the header.
  var bodyLength = 0
  var isHead: Bool { method == .head }
  var keepsAlive = true

  /// Looks at the bytes received so far. `longestBody`: what may be PUT; nil: nothing is stored here.
  static func parse(_ bytes: [UInt8], longestBody: Int? = nil) -> Parsed {
    guard let lineEnd = find([13, 10], in: bytes, from: 0) else {
      // What can't become a request line is refused before its end comes.
      let isPlausible = bytes.prefix(16).allSatisfy { $0 >= 0x20 && $0 < 0x7f }
      if !isPlausible { return .invalid(status: 400) }
      return bytes.count > longest ? .invalid(status: 414) : .incomplete
    }
    let parts = bytes[..<lineEnd].split(separator: 32, omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(isToken), let first = parts[1].first,
      first == UInt8(ascii: "/") || first == UInt8(ascii: "h") || first == UInt8(ascii: "*"),
      parts[1].allSatisfy({ $0 > 0x20 && $0 < 0x7f }), parts[2].count == 8, parts[2].starts(with: Array("HTTP/".utf8))
    else { return .invalid(status: 400) }
    let version = String(decoding: parts[2].suffix(3), as: UTF8.self)
    guard version == "1.1" || version == "1.0" else { return .invalid(status: 505) }
    // The empty line may follow the request line at once.
    guard let end = find([13, 10, 13, 10], in: bytes, from: lineEnd) else {
      return bytes.count > longest ? .invalid(status: 431) : .incomplete
    }
    guard end + 4 <= longest else { return .invalid(status: 431) }
    let method = Method(rawValue: String(decoding: parts[0], as: UTF8.self))
    var request = HTTPRequest()
    request.path = Array(parts[1])
    request.keepsAlive = version == "1.1"
    var hosts = 0
    var start = lineEnd + 2
    while start < end + 2 {
      guard let stop = find([13, 10], in: bytes, from: start), let colon = bytes[start..<stop].firstIndex(of: 58),
        colon > start, bytes[start..<colon].allSatisfy(isToken)
      else { return .invalid(status: 400) }
      let name = String(decoding: bytes[start..<colon], as: UTF8.self).lowercased()
      let value = trim(bytes[(colon + 1)..<stop]).lowercased()
      switch name {
      case "host": hosts += 1
      case "connection":
        if value == "close" { request.keepsAlive = false }
        if value == "keep-alive" { request.keepsAlive = true }
      case "content-length" where longestBody != nil && method == .put:
        guard let length = Int(value), length >= 0 else { return .invalid(status: 400) }
        guard length <= longestBody ?? 0 else { return .invalid(status: 413) }
        request.bodyLength = length
      // Nobody sends a body with a GET; one we'd have to skip would be taken for the next request.
      case "content-length" where value != "0", "transfer-encoding": return .invalid(status: 413)
      default: break
      }
      start = stop + 2
    }
    // RFC 9112, 3.2.
    guard hosts == 1 || version == "1.0" && hosts == 0 else { return .invalid(status: 400) }
    switch method {
    case .get, .head: break
    case .put, .delete: if longestBody == nil { return .invalid(status: 405) }
    case nil: return .invalid(status: 405)
    }
    request.method = method ?? .get
    return .complete(request, length: end + 4)
  }

  /// RFC 9110, 5.6.2.
  static func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }

  static func trim(_ bytes: ArraySlice<UInt8>) -> String {
    var bytes = bytes
    while let first = bytes.first, first == 32 || first == 9 { bytes.removeFirst() }
    while let last = bytes.last, last == 32 || last == 9 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  static func find(_ needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    var index = start
    while index + needle.count <= bytes.count {
      if bytes[index] == needle[0], bytes[index..<index + needle.count].elementsEqual(needle) { return index }
      index += 1
    }
    return nil
  }

  static func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 204: "No Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 400: "Bad Request"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 503: "Service Unavailable"
    case 505: "HTTP Version Not Supported"
    case 507: "Insufficient Storage"
    default: "Status"
    }
  }
}
