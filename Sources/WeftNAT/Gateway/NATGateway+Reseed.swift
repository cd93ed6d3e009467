import WeftCore

extension NATGateway {
  /// Ports are drawn from another stream from now on.
  public mutating func reseed(_ stream: RandomStream) { mappings.ports.random = stream }
}
