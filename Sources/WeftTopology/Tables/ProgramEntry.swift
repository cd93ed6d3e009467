import WeftCore
import WeftSettings

/// An entry of `programs`: exactly one kind, and when it starts.
struct ProgramEntry: Sendable {
  var settings: (any ProgramSettings)?
  var start: Nanoseconds?

  static let name = "program"

  static func table(_ catalogue: Catalogue) -> KeyTable<ProgramEntry> {
    let cases = catalogue.programs.all.map { kind -> Case<any ProgramSettings> in
      var row = kind.row
      row.key.shape = row.key.shape.adding(ProgramStart.table(kind.start.fileText).keys.keys)
      return row
    }
    return KeyTable(
      name, "What runs in a guest", from: ProgramEntry(),
      Field.cases(\.settings, cases) + [startField(\.start, "0 s for servers, 100 ms for others")])
  }

  /// A list of programs, each by its word alone where that says all, or with its keys.
  static func list(_ table: KeyTable<ProgramEntry>, _ catalogue: Catalogue) -> Form<[Placed<ProgramEntry>]> {
    let words = catalogue.programs.all.filter { $0.standsAlone }.map { $0.word }
    let word = Form<Placed<ProgramEntry>>(.choice(words)) { (text) throws(Complaint) -> String in
      try Parse.choice(text, words)
    } resolve: { word, place, reading in
      let nothing = Written(kind: .scalar("", quoted: false), mark: place.mark)
      let written = Written(kind: .map([.init(key: word, keyMark: place.mark, value: nothing)]), mark: place.mark)
      return table.read(written, reading).map { Placed($0, Object(written, table)) }
    }
    return .list(of: .either(word, .placed(table)))
  }
}

/// The key that every program has among its own.
struct ProgramStart: Sendable {
  var start: Nanoseconds?

  static func table(_ standard: String) -> KeyTable<ProgramStart> {
    KeyTable("start", "When it starts", from: ProgramStart(), [startField(\.start, standard)])
  }
}

private func startField<Root>(_ path: any WritableKeyPath<Root, Nanoseconds?> & Sendable, _ standard: String) -> Field<Root> {
  Field(
    "start", path, .duration, "When it starts, counted from the boot of the machine.", default: standard, example: "1 s")
}

extension Shape {
  /// With keys that all objects of a sort have.
  fileprivate func adding(_ more: [Key]) -> Shape {
    switch self {
    case .object(var keys):
      keys.keys += more
      return .object(keys)
    case .either(let shapes): return .either(shapes.map { $0.adding(more) })
    case .text, .list, .named, .foreign: return self
    }
  }
}
