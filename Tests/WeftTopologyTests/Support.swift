import Foundation
import Testing

@testable import WeftTopology

func load(_ text: String, file: String = "lab.yaml") -> TopologyLoad { Topology.load(text: text, file: file) }

/// The topology, or an issue with what was reported.
func topology(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Topology {
  let load = load(text)
  if load.topology == nil {
    Issue.record(
      "\(load.diagnostics.map { $0.render(color: false) }.joined(separator: "\n"))", sourceLocation: sourceLocation)
  }
  return try #require(load.topology, sourceLocation: sourceLocation)
}

/// The root of the package.
let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// Twelve lines that most tests build upon: line 13 is the first of what is added.
let base = """
  segments:
    campus: 134.115.153.0/24
  hosts:
    laptop:
      uplink: campus 134.115.153.223
      networks:
        home: {mode: nat, subnet: 192.168.122.0/24}
        lan: bridge
    visitor: {uplink: campus 134.115.153.10}
  vms:
    web: {network: home}
    public: {network: lan, address: 134.115.153.73}

  """
