import WeftTopology

/// Any text: a topology or an error, and every diagnostic at a place in the text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTopology(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let load = Topology.load(bytes: bytes, file: "fuzz.yaml")
  check((load.topology == nil) == load.diagnostics.contains { $0.severity == .error }, "no topology means an error")
  // Not what YAML takes for a line break, but no fewer: CR, LF, NEL, LS, PS.
  let lines = String(decoding: bytes, as: UTF8.self).unicodeScalars.count {
    ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"].contains($0)
  }
  for diagnostic in load.diagnostics {
    check(diagnostic.line >= 1 && diagnostic.line <= lines + 1, "of \(lines + 1) lines: \(diagnostic)")
    check(diagnostic.column >= 1 && diagnostic.column <= count + 1, "column: \(diagnostic)")
    check(!diagnostic.message.isEmpty && diagnostic.length >= 1, "\(diagnostic)")
    _ = diagnostic.render(color: true)
  }
  return 0
}
