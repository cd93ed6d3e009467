/// A disc from which cloud-init configures a machine (NoCloud): its files are text, mostly YAML, and stay it here.
///
/// What is written is what cloud-init 22.4 wants of such a disc: the label `cidata`, `user-data` and `meta-data` always.
public struct CloudInitSeed: Sendable, Hashable, Codable {
  /// `#cloud-config`, a script, or anything else that cloud-init knows.
  public var userData: String
  public var metaData: String
  /// Version 1 or 2.
  public var networkConfig: String?
  public var vendorData: String?

  public init(userData: String, metaData: String, networkConfig: String? = nil, vendorData: String? = nil) {
    self.userData = userData
    self.metaData = metaData
    self.networkConfig = networkConfig
    self.vendorData = vendorData
  }

  /// With meta-data of an instance and a host name.
  public init(instanceID: String, hostname: String, userData: String = "#cloud-config\n{}\n", networkConfig: String? = nil) {
    self.init(
      userData: userData, metaData: "instance-id: \(instanceID)\nlocal-hostname: \(hostname)\n", networkConfig: networkConfig)
  }

  // MARK: Discs

  /// Why a volume is no seed.
  public enum Problem: Error, Hashable, CustomStringConvertible {
    case label(String)
    case missing(String)
    /// A file that is no UTF-8.
    case notText(String)

    public var description: String {
      switch self {
      case .label(let label): "the disc is called “\(label)”, not cidata"
      case .missing(let file): "the disc has no \(file)"
      case .notText(let file): "\(file) is no UTF-8"
      }
    }
  }

  public var volume: ISOVolume {
    var entries = [ISOEntry(file: "meta-data", Array(metaData.utf8)), ISOEntry(file: "user-data", Array(userData.utf8))]
    if let networkConfig { entries.append(ISOEntry(file: "network-config", Array(networkConfig.utf8))) }
    if let vendorData { entries.append(ISOEntry(file: "vendor-data", Array(vendorData.utf8))) }
    return ISOVolume(label: "cidata", entries: entries)
  }

  /// The image of the disc. Its names and label can always be written.
  public var iso: [UInt8] {
    do throws(ISOError) { return try volume.iso() } catch { preconditionFailure("a seed of 4 GiB: \(error)") }
  }

  public init(_ volume: ISOVolume) throws(Problem) {
    guard volume.label == "cidata" || volume.label == "CIDATA" else { throw .label(volume.label) }
    func text(_ name: String) throws(Problem) -> String? {
      guard let bytes = volume.file(at: name) else { return nil }
      guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText(name) }
      return text
    }
    guard let userData = try text("user-data") else { throw .missing("user-data") }
    guard let metaData = try text("meta-data") else { throw .missing("meta-data") }
    self.init(
      userData: userData, metaData: metaData, networkConfig: try text("network-config"), vendorData: try text("vendor-data"))
  }

  // MARK: What it says

  /// By which a machine knows that it was configured by this before; cloud-init's is `nocloud` where meta-data has none.
  public var instanceID: String { Self.value(of: "instance-id", in: metaData) ?? "nocloud" }

  /// Whether meta-data says which instance it is for.
  public var namesInstance: Bool { Self.value(of: "instance-id", in: metaData) != nil }

  /// What the user wants it to be called, or else meta-data.
  public var hostname: String? {
    let own = isCloudConfig ? Self.value(of: "hostname", in: userData) : nil
    return own ?? Self.value(of: "local-hostname", in: metaData) ?? Self.value(of: "hostname", in: metaData)
  }

  /// Otherwise its user-data is a script, or what cloud-init warns of and passes over.
  public var isCloudConfig: Bool { Self.lines(userData).first?.hasPrefix("#cloud-config") ?? false }

  /// The scalar that a key has at the top of a YAML mapping in block style, or a text in one of JSON. It is all that is read here: for the
  /// rest there is a parser.
  static func value(of key: String, in text: String) -> String? {
    if text.first(where: { !$0.isWhitespace }) == "{" { return json(key, text) }
    for line in lines(text) {
      for quoted in [key, "\"\(key)\"", "'\(key)'"] where line.hasPrefix(quoted) {
        let behind = line.dropFirst(quoted.count).drop { $0 == " " }
        if behind.first == ":" { return scalar(behind.dropFirst()) }
      }
    }
    return nil
  }

  /// Without a byte order mark, whatever ends a line.
  private static func lines(_ text: String) -> [String] {
    let text = text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text
    return text.split(omittingEmptySubsequences: false) { $0.isNewline }.map(String.init)
  }

  private static func scalar(_ text: Substring) -> String? {
    let text = text.drop { $0 == " " || $0 == "\t" }
    if let quote = text.first, quote == "\"" || quote == "'" {
      guard let end = text.dropFirst().firstIndex(of: quote) else { return nil }
      return String(text[text.index(after: text.startIndex)..<end])
    }
    var plain = Substring()
    var isBehindSpace = true
    for character in text {
      if character == "#", isBehindSpace { break }
      isBehindSpace = character == " " || character == "\t"
      plain.append(character)
    }
    while let last = plain.last, last == " " || last == "\t" { plain.removeLast() }
    return plain.isEmpty || plain == "~" || plain == "null" ? nil : String(plain)
  }

  /// `{"instance-id": "i-1", "local-hostname": "web"}`
  private static func json(_ key: String, _ text: String) -> String? {
    var rest = text[...]
    while let quote = rest.firstIndex(of: "\"") {
      rest = rest[rest.index(after: quote)...]
      guard let end = rest.firstIndex(of: "\"") else { return nil }
      let word = rest[..<end]
      rest = rest[rest.index(after: end)...].drop { $0.isWhitespace }
      guard rest.first == ":", word == key else { continue }
      let value = rest.dropFirst().drop { $0.isWhitespace }
      guard value.first == "\"", let close = value.dropFirst().firstIndex(of: "\"") else { return nil }
      return String(value[value.index(after: value.startIndex)..<close])
    }
    return nil
  }
}
