import Weft

/// A lab whose file names the program and the probe, and into which the element is put: a sensor hears the beats that go to
/// all.
public enum Demo {
  public static let topology = """
    segments: {lan: {subnet: 192.0.2.0/24}}
    hosts:
      agent: {uplink: lan 192.0.2.1, programs: [{heartbeat: {to: "192.0.2.255:9", every: 500 ms}}]}
      server: {uplink: {segment: lan, address: 192.0.2.2, delay: 2 ms}, programs: [{sink: 9}, udp-echo]}
    duration: 10 s
    expect:
      - {from: agent, burst: {to: "server:7/udp", count: 5}}
    """

  /// What the file may name.
  public static let catalogue = Catalogue.standard.with(HeartbeatSettings.self).with(BurstSettings.self)

  /// Beats sent, beats that the server received, frames that the sensor heard, and what the check came to.
  public static func run() throws -> (sent: UInt64, received: UInt64, heard: UInt64, check: String) {
    var simulation = try Simulation(Topology.load(text: Self.topology, file: "demo.yaml", catalogue: catalogue).get())
    try simulation.place(Sensor(), named: "sensor", plugs: [Plug("port", into: "lan")])
    simulation.run()
    let heard = simulation.facts(of: "sensor").compactMap { ($0 as? CounterFact)?.count }.first ?? 0
    let report = try simulation.finish()
    func told(by machine: String) -> ProgramReport? { report.programs.first { $0.machine == machine }?.report }
    let beat = Heartbeat.beat.count
    let check = report.expectations.first.map { "\($0.name): \($0.observed)" } ?? ""
    return (told(by: "agent")?.requests ?? 0, (told(by: "server")?.bytesIn ?? 0) / UInt64(beat), heard, check)
  }
}
