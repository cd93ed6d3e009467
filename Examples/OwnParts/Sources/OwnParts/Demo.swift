import Weft

/// A lab whose file names the program, and into which the element is put: a sensor hears the beats that go to all.
public enum Demo {
  public static let topology = """
    segments: {lan: {subnet: 192.0.2.0/24}}
    hosts:
      agent: {uplink: lan 192.0.2.1, programs: [{heartbeat: {to: "192.0.2.255:9", every: 500 ms}}]}
      server: {uplink: lan 192.0.2.2, programs: [{sink: 9}]}
    duration: 10 s
    """

  /// Beats sent, beats that the server received, and frames that the sensor heard.
  public static func run() throws -> (sent: UInt64, received: UInt64, heard: UInt64) {
    let topology = try Topology.load(
      text: Self.topology, file: "demo.yaml", catalogue: .standard.with(HeartbeatSettings.self)
    ).get()
    var simulation = try Simulation(topology)
    try simulation.place(Sensor(), named: "sensor", plugs: [Plug("port", into: "lan")])
    simulation.run()
    let heard = simulation.facts(of: "sensor").compactMap { ($0 as? CounterFact)?.count }.first ?? 0
    let report = try simulation.finish()
    func told(by machine: String) -> ProgramReport? { report.programs.first { $0.machine == machine }?.report }
    let beat = Heartbeat.beat.count
    return (told(by: "agent")?.requests ?? 0, (told(by: "server")?.bytesIn ?? 0) / UInt64(beat), heard)
  }
}
