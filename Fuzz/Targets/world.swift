import WeftCore
import WeftFabric
import WeftTopology

/// A text that is a topology is a world that runs: 10 ms of virtual time, captured in memory, and reported on.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzWorld(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let topology = Topology.load(bytes: bytes, file: "fuzz.yaml").topology else { return 0 }
  do throws(SimulationError) {
    // A filter is only compiled here: a wrong one is an error.
    var simulation = try Simulation(topology, captures: CaptureOptions(directory: nil))
    simulation.run(until: Instant(10_000_000), events: 20_000)
    check(simulation.now <= Instant(10_000_000), "it ran too far: \(simulation.now)")
    _ = try? simulation.finish()
  } catch {}
  return 0
}
