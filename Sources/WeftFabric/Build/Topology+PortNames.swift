import WeftTopology

extension Topology {
  /// The ports that the lab will have, as captures name them: `web/eth0`, `home/wan`.
  public var portNames: [String] { WorldBuilder(topology: self, seed: seed).portNames }
}
