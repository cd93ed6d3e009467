import Foundation
import Testing
import WeftCore
import WeftTestSupport

@testable import WeftFabric

@Suite struct DropReasonTableTests {
  /// `WEFT_UPDATE_GENERATED=1 swift test` writes it anew.
  @Test func theTableInDocsIsTheCodes() throws {
    let path = "\(Repository.root)/docs/drop-reasons.md"
    if ProcessInfo.processInfo.environment["WEFT_UPDATE_GENERATED"] != nil {
      try DropReasonTable.markdown.write(toFile: path, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == DropReasonTable.markdown)
    for reason in DropReason.allCases { #expect(reason.explanation.count > 20 && !reason.explanation.hasSuffix(".")) }
  }

  /// A lab where nothing goes wrong has nothing but harmless drops.
  @Test func whatIsHarmlessStandsApart() throws {
    let report = try run(Labs.small("expect:\n  - {from: visitor, to: \"laptop:8080\", is: open}"))
    #expect(report.passed && report.drops.allSatisfy(\.harmless), "\(report.drops.filter { !$0.harmless })")
    #expect(!report.drops.isEmpty && report.text().contains("  harmless: "))
    let blocked = try run(Labs.small("expect:\n  - {from: visitor, to: \"laptop:81\", is: dropped}"))
    let lines = blocked.dropLines
    #expect(lines.first?.hasPrefix("  home: no-port-forward × ") == true, "\(lines)")
    #expect(lines.first?.hasSuffix(DropReason.noPortForward.explanation) == true)
  }

  /// Unicast to a machine that doesn't run takes something from its sender.
  @Test func whatMattersIsNotHarmless() throws {
    let report = try run(Labs.busy)
    let mattering = Set(report.drops.filter { !$0.harmless }.map(\.reason))
    for reason in ["tx-ring-full", "link-loss", "link-down", "no-port-forward"] { #expect(mattering.contains(reason)) }
    #expect(!mattering.contains("no-other-port") && !mattering.contains("hairpin-port"))
  }
}
