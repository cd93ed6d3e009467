import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// Connections that one end knows better than the gateway, under every profile that follows the RFCs' machine.
@Suite struct RecoveryTests {
  static let profiles = NATSettings.Profile.allCases.filter {
    NATSettings($0).tcpMachine == .rfc6146 && !NATSettings($0).isOneToOne
  }
  static let established = """
    > S seq=1000 mss | SYN_SENT 240 unreplied
    < SA seq=5000 ack=1001 mss | SYN_RECV 240
    > A seq=1001 ack=5001 | ESTABLISHED 7440 assured

    """

  private func play(_ scenario: String, _ profile: NATSettings.Profile, _ location: SourceLocation = #_sourceLocation) {
    Scenario.play(scenario, NATSettings(profile), location)
  }

  @Test(
    "RFC 9293 3.5.1: a restarted opener's SYN is challenged, and its RST clears the half-open connection",
    arguments: profiles)
  func aRestartedOpenerIsChallenged(profile: NATSettings.Profile) {
    play(
      Self.established + """
        wait 10
        > S seq=90000 mss | ESTABLISHED 7430 assured
        < A seq=5001 ack=1001 | ESTABLISHED 7440 assured
        > R seq=1001 | CLOSE 240 assured
        > S seq=90000 mss | SYN_SENT 240 unreplied
        < SA seq=800000 ack=90001 mss | SYN_RECV 240
        """, profile)
  }

  @Test("RFC 9293 3.10.7.1: … or is reset by one that knows nothing of it", arguments: profiles)
  func aRestartedOpenerIsReset(profile: NATSettings.Profile) {
    play(
      Self.established + """
        > S seq=90000 mss | ESTABLISHED 7440 assured
        < RA seq=0 ack=90001 | CLOSE 240 assured
        """, profile)
  }

  @Test("RFC 5382 REQ-2: a connection that both ends begin anew on its ports is followed", arguments: profiles)
  func bothEndsBeginAnew(profile: NATSettings.Profile) {
    for closing in ["", "> FA seq=1001 ack=5001 | FIN_WAIT 7440 assured\n", "< FA seq=5001 ack=1001 | CLOSE_WAIT 7440 assured\n"]
    {
      play(
        Self.established + closing + """
          > S seq=90000 mss
          < SA seq=800000 ack=90001 mss | SYN_RECV 240 assured
          > A seq=90001 ack=800001 | ESTABLISHED 7440 assured
          < PA seq=800001 ack=90001 len=5 | ESTABLISHED 7440 assured
          """, profile)
    }
  }

  @Test("RFC 9293 3.8.1: a SYN that is sent again with a new number counts, of either side", arguments: profiles)
  func newInitialNumbers(profile: NATSettings.Profile) {
    play(
      """
      > S seq=1000 mss | SYN_SENT 240 unreplied
      < S seq=5000 mss | SYN_RECV 240
      < S seq=95000 mss | SYN_RECV 240
      > SA seq=1000 ack=95001 mss | ESTABLISHED 7440 assured
      < SA seq=95000 ack=1001 mss | ESTABLISHED 7440 assured
      """, profile)
  }

  @Test("RFC 9293 3.10.7: a RST has its sender's next number, whether its data was acknowledged or not", arguments: profiles)
  func aResetAfterData(profile: NATSettings.Profile) {
    play(
      Self.established + """
        < PA seq=5001 ack=1001 len=100 | ESTABLISHED 7440 assured
        < R seq=5101 | CLOSE 240 assured
        """, profile)
  }

  @Test("RFC 5961 3.2: a RST in the window changes nothing, one beyond it doesn't pass", arguments: profiles)
  func aGuessedReset(profile: NATSettings.Profile) {
    play(
      Self.established + """
        wait 10
        < R seq=5101 | ESTABLISHED 7430 assured
        < R seq=900000 | dropped ESTABLISHED 7430 assured
        < PA seq=5001 ack=1001 len=100 | ESTABLISHED 7440 assured
        """, profile)
  }

  @Test(
    "RFC 4787 REQ-6: what is sent from inside refreshes, whoever drops it later; what is from outside doesn't",
    arguments: profiles)
  func whatIsDroppedLaterRefreshes(profile: NATSettings.Profile) {
    play(
      """
      > udp | 300 unreplied
      wait 5
      < udp ttl=1 | dropped 295 assured
      > udp ttl=1 | dropped 300 assured
      forward off
      wait 5
      > udp | dropped 300 assured
      """, profile)
  }
}
