import Foundation
import Testing
import WeftTestSupport

/// What the surroundings lack is exit 3, and leaves nothing behind.
@Suite struct EnvironmentTests {
  let scratch = Scratch()

  init() { scratch.write(Labs.small("expect:\n  - {from: visitor, to: \"laptop:8080\"}"), "lab.yaml") }

  @Test func capturesUnderARegularFileAreImpossible() throws {
    scratch.write("mine", "file")
    for place in ["file", "file/captures", "lab.yaml"] {
      let result = try Weft.run("run", "lab.yaml", "--captures", place, in: scratch)
      #expect(result.status == 3 && result.output == "" && result.errors.contains(place), "\(result)")
    }
    #expect(scratch.entries == ["file", "lab.yaml"] && scratch.contents("file") == Data("mine".utf8))
  }

  @Test func aDirectoryInACapturesPlaceIsNotReplaced() throws {
    let way = scratch.file("out/home-wan.pcapng")
    try FileManager.default.createDirectory(atPath: way, withIntermediateDirectories: true)
    let result = try Weft.run("run", "lab.yaml", "--captures", "out", in: scratch)
    #expect(result.status == 3 && result.errors.contains("home-wan.pcapng"))
    #expect(scratch.entries == ["lab.yaml", "out", "out/home-wan.pcapng"])
  }

  @Test(arguments: ["no/such/lab.ckpt", ".", "lab.yaml/x.ckpt"]) func aCheckpointNeedsAPlace(path: String) throws {
    let result = try Weft.run("run", "lab.yaml", "--checkpoint-at", "1s", path, in: scratch)
    #expect(result.status == 3 && result.output == "" && result.errors.contains("can't write \(path)"), "\(result)")
    #expect(scratch.entries == ["lab.yaml"], "\(scratch.entries)")
  }

  @Test(arguments: ["no/such/out.xml", "."]) func junitNeedsAPlace(path: String) throws {
    let result = try Weft.run("run", "lab.yaml", "--no-captures", "--junit", path, in: scratch)
    #expect(result.status == 3 && result.errors.contains("can't write \(path)"), "\(result)")
    #expect(scratch.entries == ["lab.yaml"])
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full"), "needs /dev/full"))
  func aFullStdoutIsNoCrash() throws {
    for arguments in [
      ["run", "lab.yaml", "--no-captures"], ["check", "lab.yaml"],
      ["test", "lab.yaml", "--format", "json", "--no-captures"],
    ] {
      let result = try Weft.start(arguments, in: scratch, output: "/dev/full").wait()
      #expect(result.status == 3 && result.errors.contains("can't write to stdout"), "\(result)")
    }
  }

  /// Putting a file in place of a device or a link would do away with it.
  @Test func streamsAndLinksAreWrittenThrough() throws {
    let output = try Weft.run("run", "lab.yaml", "--no-captures", "-q", "--junit", "/dev/stdout", in: scratch).output
    #expect(output.hasPrefix("<?xml"))
    #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: "/dev/stdout")) != nil)
    #expect(try Weft.run("run", "lab.yaml", "--no-captures", "-q", "--junit", "/dev/null", in: scratch).status == 0)
    #expect(
      try Weft.run("run", "lab.yaml", "--no-captures", "-q", "--checkpoint-at", "1s", "/dev/null", in: scratch).status
        == 0)
    var info = stat()
    #expect(stat("/dev/null", &info) == 0 && info.st_mode & S_IFMT == S_IFCHR)
    scratch.write("old", "real.xml")
    try FileManager.default.createSymbolicLink(atPath: scratch.file("link.xml"), withDestinationPath: "real.xml")
    #expect(try Weft.run("run", "lab.yaml", "--no-captures", "-q", "--junit", "link.xml", in: scratch).status == 0)
    #expect(scratch.contents("real.xml")?.starts(with: Data("<?xml".utf8)) == true)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: scratch.file("link.xml")) == "real.xml")
  }

  /// A file system of 16 KiB of its own: what fits is there, and the report tells.
  @Test(.enabled(if: FullDisk.isPossible, "needs root and mount(8)")) func aFullDiskKeepsWhatFits() throws {
    scratch.write(Labs.lossy, "lossy.yaml")
    let disk = try FullDisk(scratch.file("disk"))
    defer { disk.unmount() }
    let result = try Weft.run("run", "lossy.yaml", "--captures", "disk/captures", "--junit", "x.xml", in: scratch)
    #expect(result.status == 3 && result.errors.contains("No space left on device"), "\(result)")
    #expect(result.output.contains("No space left on device; ended at"), "\(result.output)")
    #expect(scratch.contents("x.xml").map { String(decoding: $0, as: UTF8.self) }?.contains("runs to its end") == true)
    let free = try FullDisk(scratch.file("other"))
    defer { free.unmount() }
    let checkpoint = try Weft.run(
      "run", "lossy.yaml", "--no-captures", "--checkpoint-at", "250ms", "other/x.ckpt", in: scratch)
    #expect(checkpoint.status == 3 && checkpoint.errors.contains("can't write other/x.ckpt"), "\(checkpoint)")
    #expect(scratch.files(in: "other") == [:])
  }

  // MARK: Interrupts

  private static let long = """
    name: long
    segments: {lan: {subnet: 10.0.0.0/16, delay: 10 us}}
    hosts: {server: {uplink: lan 10.0.0.1, networks: {vms: {mode: host-only}}, programs: [udp-echo]}}
    groups: {vm: {count: 10, network: vms, programs: [{udp-rate: {to: "192.168.122.1:7", size: 900 B, pps: 20000}}]}}
    duration: 1 h
    """

  private func startLong(_ arguments: [String]) throws -> Tool.Running {
    scratch.write(Self.long, "long.yaml")
    let running = try Weft.start(arguments, in: scratch)
    // It is under way once there are captures.
    let deadline = Date(timeIntervalSinceNow: 20)
    while !scratch.entries.contains(where: { $0.hasSuffix("server-vms.pcapng") }), Date() < deadline { usleep(20_000) }
    return running
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func anInterruptedRunKeepsWhatItHas(signal: Int32) throws {
    let running = try startLong(["run", "long.yaml", "--captures", "out", "--junit", "x.xml"])
    running.send(signal)
    let result = try running.wait(seconds: 20)
    #expect(result.status == 128 + signal, "\(result)")
    #expect(result.errors.contains("interrupted") && result.errors.contains("captures and report go up to there"))
    #expect(result.output.contains("interrupted") && result.output.contains("udp-rate"), "\(result.output)")
    #expect(scratch.contents("x.xml").map { String(decoding: $0, as: UTF8.self) }?.contains("interrupted") == true)
    try expectReadable("out/server-vms.pcapng")
    let manifest = String(decoding: scratch.contents("out/.weft-run") ?? Data(), as: UTF8.self)
    #expect(manifest.contains("file server-vms.pcapng") && !manifest.contains("process"))
  }

  private func expectReadable(_ file: String) throws {
    guard Tool.has("capinfos") else { return }
    let result = try Tool.run("capinfos", ["-c", "-M", scratch.file(file)])
    #expect(result.status == 0 && result.errors == "", "\(result)")
  }

  /// What was finished before keeps its result, and the rest says that it wasn't run.
  @Test func anInterruptedTestKeepsWhatIsFinished() throws {
    scratch.write(Labs.small("expect:\n  - {from: visitor, to: \"laptop:8080\"}"), "later.yaml")
    let running = try startLong(
      ["test", "lab.yaml", "long.yaml", "later.yaml", "--allow-empty", "--junit", "x.xml"])
    running.send(SIGINT)
    let result = try running.wait(seconds: 20)
    #expect(result.status == 130 && result.output.contains("✓ small"), "\(result)")
    let xml = String(decoding: scratch.contents("x.xml") ?? Data(), as: UTF8.self)
    #expect(xml.contains("interrupted") && xml.contains("not run") && xml.contains("</testsuites>"), "\(xml)")
  }

  @Test func whatKillLeavesIsSweptByTheNextRun() throws {
    let running = try startLong(["run", "long.yaml", "--captures", "out"])
    running.send(SIGKILL)
    #expect(try running.wait(seconds: 20).signal == SIGKILL)
    #expect(scratch.exists("out/server-vms.pcapng"))
    let next = try Weft.run("run", "lab.yaml", "--captures", "out", in: scratch)
    #expect(next.status == 0, "\(next)")
    #expect(scratch.exists("out/home-wan.pcapng") && !scratch.exists("out/server-vms.pcapng"))
    let last = try Weft.run("run", "lab.yaml", "--captures", "out", "--format", "pcap", in: scratch)
    #expect(last.status == 0 && !scratch.entries.contains { $0.hasSuffix(".pcapng") })
  }

  @Test func aSecondRunInAFolderIsRefused() throws {
    let running = try startLong(["run", "long.yaml", "--captures", "out"])
    let second = try Weft.run("run", "lab.yaml", "--captures", "out", in: scratch)
    #expect(second.status == 3 && second.output == "", "\(second)")
    #expect(second.errors.contains("can't use out: another run (process \(running.process)"), "\(second.errors)")
    running.send(SIGTERM)
    _ = try running.wait(seconds: 20)
    try expectReadable("out/server-vms.pcapng")
  }

  /// A CI matrix: four seeds at once in one folder.
  @Test func eachSeedHasItsOwnFolder() throws {
    scratch.write(Labs.lossy, "lossy.yaml")
    let runs = try (1...4).map { try Weft.start(["test", "lossy.yaml", "--seed", "\($0)"], in: scratch) }
    for run in runs { #expect(try run.wait().status == 0) }
    let folders = Set(
      scratch.entries.filter { $0.hasSuffix("server-uplink.pcapng") }.map {
        $0.split(separator: "/").dropLast().joined(separator: "/")
      })
    #expect(folders == ["captures/lossy", "captures/lossy/seed-2", "captures/lossy/seed-3", "captures/lossy/seed-4"])
  }

  @Test func noCapturesLeavesNoneOfYesterday() throws {
    _ = try Weft.run("run", "lab.yaml", in: scratch)
    #expect(scratch.exists("captures/small/home-wan.pcapng"))
    _ = try Weft.run("run", "lab.yaml", "--no-captures", in: scratch)
    #expect(scratch.files(in: "captures") == [:])
  }

  @Test func theLimitIsTold() throws {
    let result = try Weft.run("run", "lab.yaml", "--capture-limit", "3kB", "--captures", "out", in: scratch)
    #expect(result.status == 0 && result.errors.contains("captures reached their limit of 3 kB"), "\(result)")
    #expect(result.output.contains("captures reached their limit of 3 kB"))
    let bad = try Weft.run("run", "lab.yaml", "--capture-limit", "much", in: scratch)
    #expect(bad.status == 64 && bad.errors.contains("--capture-limit"))
  }

  /// A lab's name never leads out of the folder.
  @Test(arguments: ["..", ".", "a/../../b", "/etc", "-rf", "ünïcode & more", String(repeating: "ü", count: 200)])
  func anyNameIsAFolderOfItsOwn(name: String) throws {
    let lab = Labs.small.replacingOccurrences(of: "name: small", with: "name: \"\(name)\"")
    scratch.write(lab, "named.yaml")
    let result = try Weft.run("run", "named.yaml", in: scratch)
    guard result.status != 2 else { return }
    #expect(result.status == 0, "\(result)")
    let wan = scratch.entries.filter { $0.hasSuffix("web-eth0.pcapng") }
    #expect(wan.count == 1 && wan[0].hasPrefix("captures/") && wan[0].split(separator: "/").count == 3, "\(wan)")
  }
}

/// A tiny file system, mounted for a test.
struct FullDisk {
  let path: String

  static let isPossible: Bool = {
    guard getuid() == 0, Tool.has("mount", "umount") else { return false }
    let scratch = Scratch()
    guard let disk = try? FullDisk(scratch.file("probe")) else { return false }
    disk.unmount()
    return true
  }()

  init(_ path: String) throws {
    self.path = path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let result = try Tool.run("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", path])
    guard result.status == 0 else { throw Tool.Failure(description: result.errors) }
  }

  func unmount() { _ = try? Tool.run("umount", ["-l", path]) }
}
