import WeftNAT
import WeftTopology
import WeftWire

extension PortForward {
  init(_ forward: Forward, to address: IPv4Address) {
    self.init(
      forward.protocol == .tcp ? .tcp : .udp, on: forward.hostAddress, externalPort: forward.hostPort,
      count: forward.count, to: address, port: forward.vmPort)
  }
}
