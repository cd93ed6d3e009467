import Testing

@testable import WeftTopology

/// What the reference calls a default is what a value begins with.
@Suite struct DefaultTextTests {
  /// Defaults in words that say more than the value.
  static let inWords: Set<String> = ["rings.tx", "nat.addresses", "capture.ports", "cable.queue", "energy.host"]

  @Test func everyRowsDefaultTextIsTheValueThatHolds() {
    var count = 0
    for table in TopologySchema.tables() {
      for key in table.keys {
        guard let value = key.value, !key.isRequired, !Self.inWords.contains("\(table.name).\(key.name)") else { continue }
        count += 1
        let text = key.standard ?? ""
        #expect(text == value || text.hasPrefix(value + ";"), "\(table.name).\(key.name) begins as \(value), and says \(text)")
      }
    }
    // It can't have passed by finding nothing.
    #expect(count > 40)
  }

  @Test func everyKeyThatMayBeLeftOutSaysWhatHoldsThen() {
    // A machine may have `nics` instead.
    let eitherOr: Set = ["vm.network", "group.network"]
    for table in TopologySchema.tables() {
      for key in table.keys
      where !key.isRequired && !table.exactlyOne.contains(key.name) && !eitherOr.contains("\(table.name).\(key.name)") {
        #expect(key.standard?.isEmpty == false, "\(table.name).\(key.name)")
      }
    }
  }
}
