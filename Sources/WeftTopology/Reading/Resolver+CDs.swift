import WeftISO
import WeftSettings

// Discs: images that the file names, and those that it describes.
extension Resolver {
  /// From an image, which is read once.
  func cd(_ path: String, at place: Written) -> CD? {
    if let known = discs[path] { return known }
    guard let readFile else {
      report("\"\(path)\" can't be read here: this text has no folder", at: place)
      return nil
    }
    let bytes: [UInt8]
    do { bytes = try readFile(path) } catch {
      report("can't read \"\(path)\": \(error)", at: place, hint: "a path counts from the folder of the topology file")
      return nil
    }
    do throws(ISOError) {
      let disc = try Disc(name: String(path.split(separator: "/").last ?? ""), iso: bytes)
      let made = CD(disc, seed: seed(on: disc, at: place))
      discs[path] = made
      return made
    } catch {
      report("\"\(path)\" is no disc that can be read: \(error)", at: place)
      return nil
    }
  }

  /// One that the file describes.
  func cd(_ written: Written) -> CD? {
    guard let entry = CDEntry.keys.read(written, self), let content = entry.content,
      let inner = Object(written, CDEntry.keys).place(\.content)
    else { return nil }
    switch content {
    case .cidata:
      if let place = Object(written, CDEntry.keys).place(\.label) {
        report("a disc of cidata is called cidata", at: place, hint: "leave the label out")
      }
      return cidata(inner)
    case .files:
      guard inner.entries != nil else {
        report("files are a map from names to texts", at: inner)
        return nil
      }
      let volume = ISOVolume(label: entry.label, entries: entries(inner))
      do throws(ISOError) { _ = try volume.iso() } catch {
        report("\(error)", at: inner)
        return nil
      }
      return CD(Disc(name: entry.label, volume: volume))
    }
  }

  private func entries(_ written: Written) -> [ISOEntry] {
    (written.entries ?? []).compactMap { entry in
      switch entry.value.kind {
      case .scalar(let text, _): return ISOEntry(file: entry.key, Array(text.utf8))
      case .map: return ISOEntry(directory: entry.key, entries(entry.value))
      case .list:
        report("a file is a text, a directory a map", at: entry.value)
        return nil
      }
    }
  }

  private func cidata(_ written: Written) -> CD? {
    guard let entry = CidataEntry.keys.read(written, self) else { return nil }
    func text(_ value: Written?) -> String? { value.map { $0.text ?? $0.yaml } }
    let user = entry.userData.map { $0.text ?? "#cloud-config\n" + $0.yaml } ?? "#cloud-config\n{}\n"
    let network = text(entry.networkConfig)
    let id = String(Self.number(of: [user, network ?? "", text(entry.metaData) ?? ""]), radix: 16)
    var texts = CloudInitSeed(
      userData: user, metaData: text(entry.metaData) ?? "", networkConfig: network, vendorData: text(entry.vendorData))
    // cloud-init's own would be one for all discs: who changes the file means another instance.
    if !texts.namesInstance {
      texts.metaData = "instance-id: i-\(String(repeating: "0", count: 4 - id.count))\(id)\n" + texts.metaData
    }
    let disc = Disc(name: "cidata", volume: texts.volume)
    let seed = seed(
      texts, user: entry.userData.flatMap { $0.text == nil ? $0 : nil },
      network: entry.networkConfig.flatMap { $0.text == nil ? $0 : nil },
      file: "\(source.file):\(written.mark.line)", at: written)
    return CD(disc, seed: seed)
  }

  /// FNV-1a, of which four digits are enough.
  private static func number(of texts: [String]) -> UInt16 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for text in texts { for byte in text.utf8 + [0] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 } }
    return UInt16(truncatingIfNeeded: hash ^ hash >> 32)
  }
}

extension Written {
  /// The same as YAML in block style.
  fileprivate var yaml: String { lines.joined(separator: "\n") + "\n" }

  private var lines: [String] {
    switch kind {
    case .scalar: return [inline]
    case .list(let items):
      if items.isEmpty { return ["[]"] }
      return items.flatMap { item in
        item.lines.enumerated().map { ($0 == 0 ? "- " : "  ") + $1 }
      }
    case .map(let entries):
      if entries.isEmpty { return ["{}"] }
      return entries.flatMap { entry -> [String] in
        let key = Self.isWord(entry.key) ? entry.key : Self.quoted(entry.key)
        return entry.value.isShort ? ["\(key): \(entry.value.lines[0])"] : ["\(key):"] + entry.value.lines.map { "  " + $0 }
      }
    }
  }

  private var isShort: Bool {
    switch kind {
    case .scalar: true
    case .list(let items): items.isEmpty
    case .map(let entries): entries.isEmpty
    }
  }

  private var inline: String {
    guard case .scalar(let text, let isQuoted) = kind else { return "" }
    if isNull { return "null" }
    return isQuoted || text.contains("\n") ? Self.quoted(text) : text
  }

  private static func isWord(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { $0 == 0x2d || $0 == 0x5f || (0x30...0x39).contains($0) || (0x61...0x7a).contains($0 | 0x20) }
  }

  private static func quoted(_ text: String) -> String {
    "\""
      + text.unicodeScalars.map { scalar in
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\t": "\\t"
        case _ where scalar.value < 0x20:
          "\\x" + String(repeating: "0", count: scalar.value < 0x10 ? 1 : 0) + String(scalar.value, radix: 16)
        default: String(scalar)
        }
      }.joined() + "\""
  }
}
