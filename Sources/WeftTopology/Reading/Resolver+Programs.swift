import WeftCore
import WeftSettings
import WeftWire

extension Resolver {
  func readHostPrograms(_ entry: Written.Entry) {
    guard let index = hostIndex[entry.key], topology.hosts[index].mark == entry.keyMark else { return }
    topology.hosts[index].programs = programs(
      Object(merged(entry, \.host), tables.host).bare(\.programs), inGroup: false)
  }

  func programs(_ value: Written?, inGroup: Bool) -> [Program] {
    guard let value, let items = value.items else { return [] }
    self.inGroup = inGroup
    defer { self.inGroup = false }
    let read = tables.programs.read(value, self) ?? []
    if read.count < items.count { lost(at: value.mark) }
    return read.compactMap(program)
  }

  private func program(_ entry: Placed<ProgramEntry>) -> Program? {
    guard let settings = entry.value.settings else { return nil }
    var own: Nanoseconds?
    if let body = entry.place(\.settings), body.entries != nil { own = ProgramStart.table("").read(body, self)?.start }
    return Program(settings, start: entry.value.start ?? own, mark: entry.written.mark)
  }

  func destination(_ value: Written, _ inGroup: Bool) -> Destination? { Form<Destination>.destination.read(value, self) }

  func endpoint(
    _ value: Written, _ inGroup: Bool, only transport: TransportProtocol?, toGroups: Bool = false
  ) -> Endpoint? {
    Form<Endpoint>.endpoint(transport, toGroups: toGroups).read(value, self)
  }
}
