import WeftNAT

/// In what two connection tables differ.
enum TableDifference: Equatable {
  case onlyOurs(TableRow)
  case onlyKernel(TableRow)
  case state(ours: TableRow, kernel: TableRow)
  case seconds(ours: TableRow, kernel: TableRow)
  case unreplied(ours: TableRow, kernel: TableRow)
  case assured(ours: TableRow, kernel: TableRow)

  static func all(ours: [TableRow], kernel: [TableRow], _ names: TableNames) -> [TableDifference] {
    var waiting = Dictionary(grouping: ours, by: names.key)
    var differences: [TableDifference] = []
    for row in kernel {
      // Where several have one name, because a box chose their ports, those that are alike belong together.
      var alike = waiting[names.key(row)] ?? []
      guard let best = alike.indices.min(by: { compare(alike[$0], row).count < compare(alike[$1], row).count }) else {
        differences.append(.onlyKernel(row))
        continue
      }
      differences += compare(alike.remove(at: best), row)
      waiting[names.key(row)] = alike
    }
    let left = waiting.values.joined().sorted { names.line($0) < names.line($1) }
    return differences + left.map(TableDifference.onlyOurs)
  }

  private static func compare(_ ours: TableRow, _ kernel: TableRow) -> [TableDifference] {
    var differences: [TableDifference] = []
    if ours.state != kernel.state { differences.append(.state(ours: ours, kernel: kernel)) }
    if abs(ours.seconds - kernel.seconds) > TableRow.tolerance { differences.append(.seconds(ours: ours, kernel: kernel)) }
    if ours.hasReply != kernel.hasReply { differences.append(.unreplied(ours: ours, kernel: kernel)) }
    if ours.isAssured != kernel.isAssured { differences.append(.assured(ours: ours, kernel: kernel)) }
    return differences
  }
}

extension TableDifference {
  var isUDPAssured: Bool {
    guard case .assured(_, let kernel) = self else { return false }
    return kernel.protocolNumber == 17 || kernel.protocolNumber == UDPLite.protocolNumber
  }

  /// Both values, the kernel's first: `tcp established: left close|established`.
  var signature: String {
    switch self {
    case .onlyOurs(let row): "\(Self.kind(row)): ours only"
    case .onlyKernel(let row): "\(Self.kind(row)): kernel only"
    case .state(let ours, let kernel): "\(Self.kind(kernel)): state \(kernel.state)|\(ours.state)"
    case .seconds(let ours, let kernel): "\(Self.kind(kernel)): left \(Self.timer(kernel))|\(Self.timer(ours))"
    case .unreplied(let ours, let kernel): "\(Self.kind(kernel)): unreplied \(!kernel.hasReply)|\(!ours.hasReply)"
    case .assured(let ours, let kernel): "\(Self.kind(kernel)): assured \(kernel.isAssured)|\(ours.isAssured)"
    }
  }

  private static func kind(_ row: TableRow) -> String {
    TableNames.transport(row.protocolNumber) + (row.state.isEmpty ? "" : " \(row.state)")
  }

  /// The timer that has just been set: each has a value of its own.
  private static func timer(_ row: TableRow) -> String {
    let name = Lab.timeouts.first { abs($0.seconds - row.seconds) <= 1 }?.name ?? "old"
    return name.hasPrefix("tcp_timeout_") ? String(name.dropFirst(12)) : name
  }
}
