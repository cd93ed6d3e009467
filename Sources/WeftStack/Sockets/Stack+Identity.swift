import WeftCore
import WeftWire

// A stack that is taken back or copied: what makes it another than the one it was.
extension Stack {
  /// Draws from another stream from now on, as a system does that hears that it was taken back or copied (vmgenid).
  public mutating func reseed(_ stream: RandomStream) {
    random = stream
    beginPorts()
  }

  /// It becomes another machine: interfaces with other addresses, which it takes on or asks for anew. Its connections belong
  /// to the one it was copied from: they end here without a word on the wire.
  public mutating func becomeAnother(
    named name: String, hostname: String?, _ interfaces: [InterfaceConfiguration], _ stream: RandomStream, now: Instant,
    _ out: inout Effects
  ) {
    tcp.abortAll()
    configuration.name = name
    configuration.hostname = hostname
    configuration.interfaces = interfaces
    for index in interfaces.indices {
      ip.interfaces[index] = Interface(interfaces[index], port: PortIndex(index))
      ip.interfaces[index].lag = lag
    }
    reseed(stream)
    guard isUp else { return }
    for index in interfaces.indices { configure(index, announcing: true, now: now, &out) }
  }

  /// What it sends is nothing of what the lab tries, as its sockets are copies.
  public mutating func forgetTraces() {
    for index in tcp.connections.indices { tcp.connections[index].trace = 0 }
    for index in datagramBindings.indices { datagramBindings[index].trace = 0 }
    for index in echoBindings.indices { echoBindings[index].trace = 0 }
  }
}
