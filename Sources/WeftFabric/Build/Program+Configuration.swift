import WeftCore
import WeftPrograms
import WeftSettings
import WeftTopology
import WeftWire

extension Target {
  init(_ destination: Destination, _ names: NameTable) {
    switch destination {
    case .address(let address): self.init(address)
    case .node(let name):
      if let address = names.addresses[name] { self.init(address) } else { self.init(unresolved: name) }
    }
  }
}

extension Program {
  func configuration(_ names: NameTable) -> ProgramConfiguration {
    guard let settings = settings as? any RunnableSettings else { preconditionFailure("nothing runs a \(word)") }
    return settings.configuration(start: start) { Target($0, names) }
  }
}

extension TransportProtocol {
  var ipProtocol: IPProtocol { self == .tcp ? .tcp : .udp }
}
