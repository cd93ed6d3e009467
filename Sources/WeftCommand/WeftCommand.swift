import ArgumentParser
import Weft

/// The command line. Data goes to stdout, everything else to stderr.
public struct WeftCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "weft",
    abstract: "A virtual network fabric for virtual machines: switch, NAT and bridge in virtual time.",
    discussion: """
      A topology file declares hosts, VMs, networks, links, events and what must hold. Every port is captured and can \
      be read in Wireshark, with the reason for each drop beside the packet.

      Exit codes: 0 all held, 1 an expectation failed, 2 the file is wrong, 3 the environment lacks something, 64 usage.
      """,
    version: weftVersion,
    subcommands: [
      RunCommand.self, TestCommand.self, CheckCommand.self, InitCommand.self, ResumeCommand.self,
      ExplainCommand.self, ConntrackCommand.self,
    ])

  public init() {}
}

/// What a process ends with.
enum Exit {
  static let expectationFailed = ExitCode(1)
  static let badFile = ExitCode(2)
  static let environment = ExitCode(3)
}
