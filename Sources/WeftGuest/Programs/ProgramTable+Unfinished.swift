extension ProgramTable {
  /// The places, in the configuration, of programs that come to an end by themselves and haven't yet.
  var unfinished: Set<Int> {
    func places(_ programs: [some GuestBehaviour]) -> [Int] {
      programs.filter(\.isUnfinished).map(\.report.index)
    }
    return Set(
      places(pings) + places(httpGets) + places(bulks) + places(udpRates) + places(natProbes) + places(synFloods))
  }
}

extension Guest {
  /// The places of programs that had more to do: what a run that is cut leaves open.
  public var unfinishedPrograms: Set<Int> { isBooted ? programs.unfinished : [] }
}
