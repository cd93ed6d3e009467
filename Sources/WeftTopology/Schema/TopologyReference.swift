/// The reference of the topology file in Markdown, made from the tables that read it.
public enum TopologyReference {
  /// What is in docs/topology-file.md.
  public static func markdown() -> String {
    var text = """
      # The topology file

      Every key, made from the tables that the reader uses (`TopologyReference.markdown()`); do not edit by hand.
      The file is YAML; anchors and merge keys (`<<`) work, and keys that begin with `x-` are the user's own.

      - Durations: \(units(Quantity.durations)), or 0.
      - Rates: \(units(Quantity.rates)).
      - Sizes: \(units(Quantity.sizes)), or a plain number of bytes.
      - Percentages: `1 %`, or the fraction 0.01.
      - Names: letters, digits, `-` and `_`, at most 32; one name stands for one thing in the whole file.
      - `node:port` may end in `/tcp` or `/udp`; without, it is tcp.

      Values come from `defaults`, then from the group, then from the node itself; the last one wins.

      """
    for table in TopologySchema.tables() { text += "\n" + section(table) }
    return text
  }

  private static func units(_ units: [Quantity.Unit]) -> String {
    units.filter { $0.name != "μs" }.map { "`\($0.name)`" }.joined(separator: " ")
  }

  private static func section(_ table: KeyTable) -> String {
    var text = "## \(table.name)\n\n\(table.title).\n\n"
    if !table.exactlyOne.isEmpty {
      text += "Exactly one of \(table.exactlyOne.map { "`\($0)`" }.joined(separator: ", ")).\n\n"
    }
    text += "| key | value | meaning | default | example |\n|---|---|---|---|---|\n"
    for key in table.keys {
      let standard = key.isRequired ? "required" : key.standard ?? ""
      let cells = ["`\(key.name)`", words(key.shape), key.doc, standard, "`\(key.example)`"]
      text += "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }
    return text
  }

  private static func words(_ shape: Shape) -> String {
    switch shape {
    case .scalar(.integer(let range)):
      range.upperBound == .max ? "a whole number" : "\(range.lowerBound)…\(range.upperBound)"
    case .scalar(.port): "a port, 1…65535"
    case .scalar(let kind): kind.words
    case .list(let element): "list of: \(words(element))"
    case .named(let element): "map of names to: \(words(element))"
    case .object(let table): "[\(table.name)](#\(table.name))"
    case .either(let shapes): shapes.map(words).joined(separator: " or ")
    }
  }
}
