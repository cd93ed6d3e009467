import Foundation
import Testing

/// The kernel as judge: netfilter in a namespace and our gateway as Linux behaves get the same frames, and what comes
/// out is compared frame by frame. What may differ stands in docs/nat-vs-linux.md.
@Suite(.serialized)
struct JudgeTests {
  @Test(.enabled(if: Lab.hasJudge, "needs Linux, root, nftables and iproute2 (scripts/install-packages test)"))
  func weDoAsLinuxDoes() throws {
    let start = Date()
    let kernel = try KernelBox()
    let judge = Judge(ours: OurBox(), kernel: kernel)
    var agreed = 0
    var accepted = 0
    var report = ""
    for stimulus in Stimulus.all {
      let differences = try kernel.exclusively { try judge.differences(stimulus) }
      let reason = AcceptedDifference.about(stimulus.name)
      if differences.isEmpty {
        agreed += 1
        #expect(reason == nil, "\(stimulus.name): no longer differs, take it out of the table")
      } else if reason != nil {
        accepted += 1
      }
      if !differences.isEmpty, reason == nil || ProcessInfo.processInfo.environment["NAT_VS_LINUX"] == "all" {
        let text = "\(stimulus.name): dropped \(judge.ours.drops.map(\.name))\n" + differences.map(\.description).joined()
        report += text
        if reason == nil { Issue.record("not as Linux does: \(text)") }
      }
    }
    let seconds = Date().timeIntervalSince(start)
    print(
      "\(Stimulus.all.count) stimuli: \(agreed) alike, \(accepted) differ as documented,",
      "\(Stimulus.all.count - agreed - accepted) differ; \(Int(seconds * 1000)) ms")
  }

  @Test func stimuliHaveNamesOfTheirOwn() {
    let names = Stimulus.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.count >= 60)
  }

  @Test func everyAcceptedDifferenceIsDocumented() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appendingPathComponent("docs/nat-vs-linux.md"), encoding: .utf8)
    let names = Set(Stimulus.all.map(\.name))
    for difference in AcceptedDifference.all {
      #expect(text.contains("`\(difference.name)`"), "docs/nat-vs-linux.md doesn't name \(difference.name)")
      for stimulus in difference.stimuli { #expect(names.contains(stimulus), "no stimulus \(stimulus)") }
    }
  }
}

extension Lab {
  static var hasJudge: Bool {
    #if os(Linux)
      let needed = ["nft", "ip", "nsenter"]
      let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
      return geteuid() == 0
        && needed.allSatisfy { tool in folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") } }
    #else
      return false
    #endif
  }
}
